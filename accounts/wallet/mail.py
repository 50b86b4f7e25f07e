"""Mails of a withdrawal. The link is bound to this one request: its number, amount and destination are signed."""

from django.conf import settings
from django.core import signing
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext

from accounts.site import preferences
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
    facts = {
        "amount": f"{spec.format(row.units)} {symbol}",
        "address": row.address,
        "memo": row.memo,
        "chain": row.network.blockchain,
        "fee": f"{spec.format(row.fee_units)} {symbol}",
        "arrives": f"{spec.format(row.units - row.fee_units)} {symbol}",
        "link": link,
        "minutes": settings.WALLET_MAIL_VALID_S // 60,
    }
    with translation.override(preferences.mail_language(row.account.user)):
        subject = gettext("%(site)s: confirm a withdrawal of %(amount)s")
        text = render_to_string("accounts/mail/withdrawal.txt", facts)
    subject %= {"site": settings.SITE_NAME, "amount": facts["amount"]}
    send_mail(subject=subject, message=text, from_email=None, recipient_list=[row.account.user.email])
    Withdrawal.objects.filter(pk=row.pk, mailed_at__isnull=True).update(mailed_at=timezone.now())
