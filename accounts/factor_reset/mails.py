"""What the owner of an account is told when its second factor is to be taken away."""

from django.conf import settings
from django.core.mail import send_mail
from django.urls import reverse

from accounts.factor_reset.models import SecondFactorReset
from accounts.models import User


def announce(reset: SecondFactorReset, token: str, delay_s: int) -> None:
    """Sent again when a run died between sending and noting it: two mails do no harm, none would."""
    link = settings.PUBLIC_URL + reverse("second_factor_reset", args=[reset.pk, token])
    hours = max(1, round(delay_s / 3600))
    lines = [
        f"Our support was asked to take away the second factor of your account at {settings.SITE_NAME}, and two of us",
        f"have agreed. In {hours} hours it will be gone, and your password alone will open the account. Withdrawals",
        "then stay frozen for a while.",
        "",
        "If you asked for this, you need not do anything.",
        "",
        "If you did NOT ask for this, somebody may be trying to get into your account. Object at once, with this link;",
        "you need not log in:",
        link,
        "",
        "Then change your password, and write to us.",
    ]
    send_mail(
        subject=f"{settings.SITE_NAME}: your second factor will be taken away. Object if this was not you",
        message="\n".join(lines),
        from_email=None,
        recipient_list=[reset.user.email],
    )


def tell_done(user: User) -> None:
    send_mail(
        subject=f"{settings.SITE_NAME}: your second factor was taken away",
        message=(
            "The second factor of your account is gone, as was announced, and you have been logged out everywhere.\n"
            "Log in with your password and set up a new one. Withdrawals stay frozen for a while."
        ),
        from_email=None,
        recipient_list=[user.email],
    )
