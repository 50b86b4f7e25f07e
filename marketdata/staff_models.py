"""What one member of staff has asked for and another must approve (`marketdata.wishes`)."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class StaffWish(models.Model):
    """One wish for something that takes two people. `payload` is what its act needs; nothing in it is secret.

    PENDING becomes APPROVED, then DONE or FAILED; or REJECTED, WITHDRAWN, EXPIRED, or SUPERSEDED when the same
    thing was stopped again meanwhile. An APPROVED one that never became DONE was interrupted: it may be sent again, and
    its key makes that safe.
    """

    class State(models.TextChoices):
        PENDING = "pending", "Waiting for approval"
        APPROVED = "approved", "Approved, being sent"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        SUPERSEDED = "superseded", "Superseded by a newer stop"
        EXPIRED = "expired", "Expired"

    what = models.CharField(max_length=32)
    subject = models.CharField(max_length=128)
    summary = models.CharField(max_length=256, help_text="What would happen, in a sentence.")
    payload = models.JSONField(default=dict)
    reason = models.CharField(max_length=256)
    key = models.CharField(max_length=32, unique=True, help_text="Idempotency key of its command.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=256, blank=True)
    one_person = models.BooleanField(default=False, help_text="Done at once by one person, as the settings allowed.")
    n = models.BigIntegerField(null=True, blank=True, help_text="Outcome number of the change.")
    error = models.CharField(max_length=256, blank=True)

    class Meta:
        verbose_name = "approval"
        indexes = [models.Index(fields=["subject"], name="wish_open", condition=Q(state__in=["pending", "approved"]))]
        permissions = [("stop_venue", "Can stop all trading, and ask to allow it again")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done")
                | Q(one_person=True)
                | (Q(decided_by__isnull=False) & ~Q(decided_by=models.F("asked_by"))),
                name="wish_takes_two",
            )
        ]

    def __str__(self) -> str:
        return self.summary
