"""What other parts announce and accounts keep: sign-ups get an account, acts of staff an audit entry."""

from allauth.account.signals import user_signed_up
from django.dispatch import receiver

from accounts.models import AuditEntry, User
from accounts.services import ensure_account
from accounts.site import sign_ins  # noqa: F401 - hears of logins.
from marketdata.signals import staff_acted


@receiver(user_signed_up)
def give_account(sender: object, user: User, **_: object) -> None:
    ensure_account(user)


@receiver(staff_acted)
def keep_record(sender: object, **act: object) -> None:
    AuditEntry.objects.create(
        actor=act["actor"] if isinstance(act["actor"], User) else None,
        action=act["action"],
        subject=str(act["subject"])[:128],
        reason=str(act["reason"])[:256],
        command_id=act["command_id"],
        ip_address=act["ip_address"],
        details=act.get("details") or {},
    )
