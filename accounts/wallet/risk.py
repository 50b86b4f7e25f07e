"""Limits by day, freezes after changes of password or second factor, and what an operator must look at first."""

from datetime import UTC, datetime, timedelta

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.conf import settings
from django.db.models import F, Max, Q, Sum
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import Account, User
from accounts.wallet.models import Deposit, Withdrawal, WithdrawalFreeze
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError

DAY = timedelta(hours=24)
APPROVALS_ABOVE_LIMIT = 2  # Two different operators; never the account's own user.
APPROVALS_ON_HOLD = 1
_NOTHING_MOVED = (Withdrawal.State.REFUSED, Withdrawal.State.RELEASED)


def frozen_until(account_id: int) -> datetime:
    """The latest end of any freeze; long past when there is none."""
    latest = WithdrawalFreeze.objects.filter(account_id=account_id).aggregate(latest=Max("until"))["latest"]
    return latest or datetime(2000, 1, 1, tzinfo=UTC)


def freeze(account: Account, seconds: int, reason: str) -> WithdrawalFreeze:
    until = timezone.now() + timedelta(seconds=seconds)
    return WithdrawalFreeze.objects.create(account=account, until=until, reason=reason)


def used_today(account_id: int) -> tuple[dict[int, int], int]:
    """Units by asset id, and cents, of the last 24 hours' withdrawals."""
    recent = Withdrawal.objects.filter(account_id=account_id, created_at__gt=timezone.now() - DAY).exclude(
        state__in=_NOTHING_MOVED
    )
    by_asset = recent.values_list("network__asset_id").annotate(total=Sum("units"))
    cents = recent.aggregate(total=Sum("value_cents"))["total"] or 0
    return {asset_id: int(total) for asset_id, total in by_asset}, int(cents)


def check_limits(row: Withdrawal) -> None:
    """The caller holds the account's lock. Raises ApiError."""
    network = row.network
    by_asset, cents = used_today(row.account_id)
    limit = network.daily_limit_units
    if limit is not None and by_asset.get(network.asset_id, 0) + row.units > limit:
        left = network.asset.spec().format(max(0, limit - by_asset.get(network.asset_id, 0)))
        message = f"Above the limit of 24 hours: {left} {network.asset.symbol} are left"
        raise ApiError(errors.INVALID_CLIENT_REQUEST, message)
    if cents + row.value_cents > settings.WALLET_DAILY_VALUE_CENTS:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "Above the limit by value of 24 hours")


def mark(row: Withdrawal) -> None:
    """Say how many operators must agree, and why."""
    reasons = []
    threshold = row.network.approval_above_units
    if threshold is not None and row.units > threshold:
        row.approvals_needed = APPROVALS_ABOVE_LIMIT
        reasons.append("above the threshold for two operators")
    recent = Withdrawal.objects.filter(account_id=row.account_id, created_at__gt=timezone.now() - timedelta(hours=1))
    if recent.count() >= settings.WALLET_HOURLY_WITHDRAWALS:
        reasons.append("many withdrawals within an hour")
    if Deposit.objects.filter(account_id=row.account_id, state__in=["reversing", "lost"]).exists():
        reasons.append("a deposit of this account was undone by its chain")
    shallow = Q(state="credited", internal=False, is_final=False, confirmations__lt=F("network__confirmations"))
    if Deposit.objects.filter(shallow, account_id=row.account_id).exists():
        reasons.append("a credited deposit has fallen out of its block")
    if reasons:
        row.approvals_needed = max(row.approvals_needed, APPROVALS_ON_HOLD)
        row.hold_reason = "; ".join(reasons)[:256]


@receiver([password_changed, password_reset, password_set])
@receiver([authenticator_removed, authenticator_reset])
def freeze_after_change(sender: object, user: User, **_: object) -> None:
    """Whoever got in by changing these must not get the money out at once."""
    account = Account.objects.filter(user=user).first()
    if account is not None:
        freeze(account, settings.WALLET_FREEZE_S, "the password or the second factor was changed")


@receiver(authenticator_added)
def freeze_after_replacement(sender: object, user: User, **_: object) -> None:
    """The first second factor is no danger; another one after a withdrawal might be."""
    if Withdrawal.objects.filter(account__user=user).exists():
        freeze_after_change(sender, user)
