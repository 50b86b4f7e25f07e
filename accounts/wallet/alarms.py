"""What a person must look at. An alarm that stops the wallet is closed by a person only, with a reason."""

import logging

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import AuditEntry, User
from accounts.wallet.models import WalletAlarm

log = logging.getLogger(__name__)

NUMBER_TAKEN = "wallet_number_taken"  # The engine has used this number for something else: an older database, or two.
REFUSED = "engine_refused"  # A step that must not be refused was.
DEPOSIT_LOST = "deposit_lost"
DEPOSIT_GONE = "deposit_gone"
DEPOSIT_IS_BACK = "lost_deposit_is_back"
SIGNER = "signer_disagrees"
DIFFERENCE = "money_does_not_add_up"


def raise_alarm(code: str, subject: str, detail: str, *, stops: bool) -> None:
    """Open an alarm unless the same one is open. Logged once, when it opens."""
    try:
        with transaction.atomic():
            WalletAlarm.objects.create(code=code, subject=subject[:128], detail=detail, stops=stops)
    except IntegrityError:
        return
    log.error("Wallet alarm %s for %s%s: %s", code, subject, " (everything stops)" if stops else "", detail)


def stopped_by() -> WalletAlarm | None:
    """The alarm because of which nothing may move, or None."""
    return WalletAlarm.objects.filter(resolved_at__isnull=True, stops=True).order_by("pk").first()


def resolve(alarm: WalletAlarm, *, by: User, reason: str) -> None:
    """Close an alarm. Closing one that stops lets the wallet go on from where it stood."""
    with transaction.atomic():
        changed = WalletAlarm.objects.filter(pk=alarm.pk, resolved_at__isnull=True).update(
            resolved_at=timezone.now(), resolved_by=by
        )
        if changed:
            AuditEntry.objects.create(
                actor=by, action="wallet.alarm.resolve", subject=str(alarm)[:128], reason=reason[:256]
            )
