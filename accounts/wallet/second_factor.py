"""The second factor at a withdrawal: allauth's codes, each valid once, with a bound on guessing."""

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache

from accounts.models import User
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError

MAX_TRIES = 5
TRIES_WITHIN_S = 300
MAX_LENGTH = 32


def has_one(user: User) -> bool:
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def demand(user: User, code: str) -> None:
    """Raises ApiError INVALID_TWO_FACTOR_CODE (none set up, none given, wrong, used), or TOO_MANY_REQUESTS."""
    if not has_one(user):
        raise ApiError(errors.INVALID_TWO_FACTOR_CODE, "Set up a second factor on the account page first")
    code = code.strip()
    if not code:
        raise ApiError(errors.INVALID_TWO_FACTOR_CODE, "A code of your second factor is needed")
    tries = f"wallet:2fa:{user.pk}"
    cache.add(tries, 0, timeout=TRIES_WITHIN_S)
    if cache.incr(tries) > MAX_TRIES:
        headers = {"Retry-After": str(TRIES_WITHIN_S)}
        raise ApiError(errors.TOO_MANY_REQUESTS, "Too many wrong codes; wait five minutes", {}, headers)
    if not _is_right(user, code):
        raise ApiError(errors.INVALID_TWO_FACTOR_CODE)
    cache.delete(tries)


def _is_right(user: User, code: str) -> bool:
    if len(code) > MAX_LENGTH or not code.isascii():
        return False
    wrapped = {Authenticator.Type.TOTP: TOTP, Authenticator.Type.RECOVERY_CODES: RecoveryCodes}
    for row in Authenticator.objects.filter(user=user, type__in=list(wrapped)):
        if wrapped[row.type](row).validate_code(code):
            return True
    return False
