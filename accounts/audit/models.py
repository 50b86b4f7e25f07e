"""The table of the audit log. A row is written in the transaction of what it tells, numbered and chained as it is.

An advisory lock lets one writer at a time take the next number; it is held until the commit, so numbers and commits
have the same order. A trigger of the database refuses to change or remove rows and to break the chain.
"""

import logging
from typing import Any, NoReturn

from django.conf import settings
from django.db import connection, models, transaction
from django.utils import timezone

from accounts.audit import chain
from exchange_site.kernel import log_context

log = logging.getLogger(__name__)

LOCK_KEY = 0x61756469745F6C67  # "audit_lg": of this table alone.


class AppendOnly(TypeError):
    """Rows of the audit log are only ever added."""


class AuditRows(models.QuerySet["AuditEntry"]):
    def update(self, **_: Any) -> NoReturn:
        raise AppendOnly("The audit log is append-only.")

    def delete(self) -> NoReturn:
        raise AppendOnly("The audit log is append-only.")

    def bulk_create(self, *_: Any, **__: Any) -> NoReturn:
        raise AppendOnly("Rows of the audit log are added one by one: each carries the hash of the one before.")


class AuditEntry(models.Model):
    """Who did what to what, and why. `details` says before, after and approver, where there are any."""

    number = models.BigIntegerField(primary_key=True, editable=False)
    at = models.DateTimeField(db_index=True, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor_name = models.CharField(max_length=128, blank=True, help_text="As it was then. Empty: the exchange itself.")
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=128)
    reason = models.CharField(max_length=256, blank=True)
    details = models.JSONField(default=dict, blank=True)
    command_id = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    previous_hash = models.CharField(max_length=64, editable=False)
    hash = models.CharField(max_length=64, unique=True, editable=False)

    objects = AuditRows.as_manager()

    class Meta:
        verbose_name = "audit row"
        verbose_name_plural = "audit log"
        indexes = [
            models.Index(fields=["actor", "-number"], name="audit_by_actor"),
            models.Index(fields=["action", "-number"], name="audit_by_action"),
        ]
        permissions = [("export_auditentry", "Can export the audit log")]

    def __str__(self) -> str:
        return f"{self.number}: {self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row at the end of the chain. Raises AppendOnly for a row that is there already."""
        if not self._state.adding or self.hash:
            raise AppendOnly("The audit log is append-only.")
        self._tidy()
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
            last = AuditEntry.objects.order_by("-number").values_list("number", "hash").first()
            number, previous_hash = last or (0, chain.GENESIS)
            self.number, self.previous_hash, self.at = number + 1, previous_hash, timezone.now()
            self.hash = chain.row_hash(self)
            super().save(force_insert=True)
        # Whoever keeps the logs holds a copy of every hash, so rows cut off the end are missed.
        said = (self.number, self.action, self.actor_name or "-", self.hash)
        transaction.on_commit(lambda: log.info("audit row %d %s by %s hash %s", *said))

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("The audit log is append-only.")

    def _tidy(self) -> None:
        for name in ("action", "subject", "reason", "command_id", "request_id"):
            limit = self._meta.get_field(name).max_length
            setattr(self, name, chain.clean_text(getattr(self, name), limit))
        self.actor_name = chain.clean_text(self.actor_name or self.actor or "", 128)
        self.request_id = self.request_id or log_context.request_id()[:64]
        self.details = chain.clean_details(self.details)
        self.ip_address = chain.address_text(self.ip_address) or None
