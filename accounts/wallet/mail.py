"""Mails of a withdrawal. The link is bound to this one request: its number, amount and destination are signed."""

from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.urls import reverse
from django.utils import timezone

from accounts.wallet.models import Withdrawal

SALT = "accounts.wallet.withdrawal"


def token_of(row: Withdrawal) -> str:
    return signing.dumps(_bound_to(row), salt=SALT)


def is_token_of(row: Withdrawal, token: str) -> bool:
    """False for a token of another withdrawal, of this one with anything changed, or one that has run out."""
    try:
        content = signing.loads(token, salt=SALT, max_age=settings.WALLET_MAIL_VALID_S)
    except signing.BadSignature:
        return False
    return bool(content == _bound_to(row))


def _bound_to(row: Withdrawal) -> list[object]:
    return [row.pk, str(row.engine_id), row.account_id, str(row.units), row.address, row.memo]


def ask_for_confirmation(row: Withdrawal) -> None:
    """Sent again when a run died between sending and noting it: two mails do no harm, none would."""
    row = Withdrawal.objects.select_related("network__asset", "account__user").get(pk=row.pk)
    assert row.account.user is not None, "only people withdraw"
    spec, symbol = row.network.asset.spec(), row.network.asset.symbol
    link = settings.PUBLIC_URL + reverse("withdrawal_confirm", args=[row.pk, token_of(row)])
    minutes = settings.WALLET_MAIL_VALID_S // 60
    lines = [
        f"A withdrawal of {spec.format(row.units)} {symbol} was asked for.",
        "",
        f"To:        {row.address}" + (f" (memo {row.memo})" if row.memo else ""),
        f"Chain:     {row.network.blockchain}",
        f"Fee:       {spec.format(row.fee_units)} {symbol}",
        f"Arrives:   {spec.format(row.units - row.fee_units)} {symbol}",
        "",
        "If this was you, open the link, compare the destination and confirm:",
        link,
        "",
        f"The link works for {minutes} minutes. If it was not you, do not open it: change your password, and the money",
        "stays where it is.",
    ]
    send_mail(
        subject=f"{settings.SITE_NAME}: confirm a withdrawal of {spec.format(row.units)} {symbol}",
        message="\n".join(lines),
        from_email=None,
        recipient_list=[row.account.user.email],
    )
    Withdrawal.objects.filter(pk=row.pk, mailed_at__isnull=True).update(mailed_at=timezone.now())
