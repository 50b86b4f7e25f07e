"""Security events for the audit log: who came in, who failed to, and what protects an account when it changed.

Failed log-ins are bounded by the rate limits of the log-in page, so a stranger cannot fill the log.
"""

from typing import Any

from allauth.account import signals as account_signals
from allauth.mfa import signals as mfa_signals
from django.contrib.auth import signals as auth_signals
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.audit.models import AuditEntry


def keep(request: HttpRequest | None, user: Any, action: str, subject: str = "", reason: str = "") -> None:
    AuditEntry.objects.create(
        actor=user,
        action=action,
        subject=subject or str(user),
        reason=reason,
        ip_address=None if request is None else request.META.get("REMOTE_ADDR") or None,
    )


@receiver(auth_signals.user_logged_in)
def logged_in(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    if request is None or not request.method:  # A session that a test or a command made by itself.
        return
    if request.resolver_match is not None and "hijack" in request.resolver_match.namespaces:
        return  # Staff who looks as this user, which has rows of its own.
    keep(request, user, "login")


@receiver(auth_signals.user_logged_out)
def logged_out(sender: object, request: HttpRequest | None, user: Any, **_: object) -> None:
    if user is not None and request is not None and request.method:
        keep(request, user, "logout")


@receiver(auth_signals.user_login_failed)
def login_failed(sender: object, credentials: dict[str, Any], request: HttpRequest | None = None, **_: object) -> None:
    tried = credentials.get("email") or credentials.get("username") or "unknown"
    keep(request, None, "login.failed", str(tried))


@receiver(account_signals.password_changed)
@receiver(account_signals.password_set)
def password_changed(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    keep(request, user, "password.change")


@receiver(account_signals.password_reset)
def password_reset(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    keep(request, user, "password.reset")


@receiver(account_signals.email_changed)
def email_changed(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    keep(request, user, "email.change")


@receiver(mfa_signals.authenticator_added)
def factor_added(sender: object, request: HttpRequest, user: Any, authenticator: Any, **_: object) -> None:
    keep(request, user, "second_factor.add", reason=str(authenticator.type))


@receiver(mfa_signals.authenticator_removed)
def factor_removed(sender: object, request: HttpRequest, user: Any, authenticator: Any, **_: object) -> None:
    keep(request, user, "second_factor.remove", reason=str(authenticator.type))


@receiver(mfa_signals.authenticator_reset)
def codes_renewed(sender: object, request: HttpRequest, user: Any, **_: object) -> None:
    keep(request, user, "recovery_codes.renew")
