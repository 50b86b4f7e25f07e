"""Accounts and the money that comes to them from the house. Money moves in the engine; the database follows."""

import time
from dataclasses import dataclass
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Account, ApiKey, FaucetTry, LedgerPosting, User
from accounts.signing.keys import decode_public_key
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.engine_calls import accepted, ask_all
from marketdata.models import Asset
from marketdata.services import name_of
from matching.client.blocking import engine_position
from matching.messages import Answer, Command, CreditAccount, FundHouse, Refused

DEMO_FUNDS = {"USDC": "10000", "SOL": "25", "BTC": "0.1", "ETH": "2"}  # What the faucet gives, in whole coins.
SCOPES = frozenset({"read", "trade", "withdraw"})
FAUCET_EVERY = timedelta(hours=24)
KEYS_KEPT = timedelta(seconds=45)  # The engine remembers idempotency keys for longer, however many it holds.


class DatabaseBehind(Exception):
    """The database did not reach the wanted outcome in time: the db writer is away or slow."""


def create_user(email: str, password: str | None, *, staff: bool = False) -> User:
    """A user who can log in at once (the address counts as confirmed), with an account. Raises IntegrityError."""
    with transaction.atomic():
        create = User.objects.create_superuser if staff else User.objects.create_user
        user = create(email, password)
        EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=True)
        ensure_account(user)
    return user


def ensure_account(user: User) -> Account:
    """The user's account, made now if there is none yet."""
    return Account.objects.get_or_create(user=user, defaults={"kind": Account.Kind.USER})[0]


def create_api_key(account: Account, public_key: str, scopes: set[str], name: str = "") -> ApiKey:
    """Register a public key. Raises InvalidPublicKey for what is none, ValueError for unknown scopes or a known key."""
    if not scopes or scopes - SCOPES:
        raise ValueError(f"Scopes are some of {', '.join(sorted(SCOPES))}.")
    decode_public_key(public_key)
    if ApiKey.objects.filter(public_key=public_key).exists():
        raise ValueError("This key is registered already.")
    return ApiKey.objects.create(
        account=account,
        public_key=public_key,
        name=name[:64],
        can_read="read" in scopes,
        can_trade="trade" in scopes,
        can_withdraw="withdraw" in scopes,
    )


@dataclass(frozen=True, slots=True)
class Credit:
    """Money for an account. `reference` identifies the payment: the same one is never executed twice at a stretch."""

    account_id: int
    asset: str
    units: int
    reference: str


def fund_house_and_credit(credits: list[Credit], *, actor: object | None = None, reason: str) -> list[Answer]:
    """Bring money in from outside and pass it on. Raises ApiError when any step was refused or is unknown."""
    commands: list[Command] = []
    for credit in credits:
        commands += [fund_command(credit.asset, credit.units, credit.reference, actor, reason)]
        commands += [credit_command(credit, actor, reason)]
    return [accepted(answer) for answer in ask_all(commands)]


def is_paid(credit: Credit) -> bool:
    """Whether the credit was made, however long ago; the engine itself only knows the last minutes.

    Waits until the database has everything that the engine has published. Raises DatabaseBehind.
    """
    wait_for_database(int(engine_position().get("n", "0")))
    return LedgerPosting.objects.filter(
        account_id=credit.account_id, asset__symbol=credit.asset, reference=credit.reference
    ).exists()


def fund_command(asset: str, units: int, reference: str, actor: object | None, reason: str) -> FundHouse:
    return FundHouse(
        asset=asset,
        units=units,
        reference=reference,
        actor=name_of(actor),
        reason=reason,
        idempotency_key=f"fund:{reference}:{asset}",
    )


def credit_command(credit: Credit, actor: object | None, reason: str) -> CreditAccount:
    return CreditAccount(
        account_id=credit.account_id,
        asset=credit.asset,
        units=credit.units,
        reference=credit.reference,
        actor=name_of(actor),
        reason=reason,
        idempotency_key=f"credit:{credit.reference}:{credit.asset}",
    )


def credit_demo_funds(account: Account) -> int:
    """The faucet: fixed amounts from the house, at most once in 24 hours. The outcome number of the last credit.

    Raises ApiError: FORBIDDEN outside demo mode, TOO_MANY_REQUESTS with Retry-After, and what the engine says.
    A try whose outcome stayed unknown is repeated under the same reference, so it can never pay twice: the engine knows
    the reference for some minutes, and after that the database does.
    """
    if not settings.DEMO_MODE or account.kind != Account.Kind.USER:
        raise ApiError(errors.FORBIDDEN, "There are no demo funds here")
    try_, is_new = _faucet_try(account)
    reference = f"faucet:{try_.pk}"
    credits = [
        Credit(account.pk, asset.symbol, asset.spec().parse(DEMO_FUNDS[asset.symbol]), reference)
        for asset in Asset.objects.filter(symbol__in=DEMO_FUNDS).order_by("symbol")
    ]
    if not credits:
        raise ApiError(errors.INVALID_ASSET, "There is no asset to give")
    try:
        answers = ask_all([credit_command(credit, None, "faucet") for credit in credits])
    except ApiError as error:
        if is_new and error.kind is not errors.TIMEOUT:
            try_.delete()  # Certainly nothing happened, so the 24 hours have not begun.
        raise
    paid = [answer.n for answer in answers if not isinstance(answer.reply, Refused)]
    if not paid:
        try_.delete()
        accepted(answers[0])
    return max(paid)


def _faucet_try(account: Account) -> tuple[FaucetTry, bool]:
    """The record of this try, and whether it is new: an older one may have been paid, or may still be.

    It is on disk before the engine hears of it. Raises ApiError when it is too early.
    """
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        since = timezone.now() - FAUCET_EVERY
        recent = FaucetTry.objects.filter(account=account, at__gt=since).order_by("-pk").first()
        if recent is None:
            return FaucetTry.objects.create(account=account), True
        if LedgerPosting.objects.filter(account=account, reference=f"faucet:{recent.pk}").exists():
            wait_s = max(1, int((recent.at + FAUCET_EVERY - timezone.now()).total_seconds()))
            raise ApiError(
                errors.TOO_MANY_REQUESTS, "Demo funds come once in 24 hours", {}, {"Retry-After": str(wait_s)}
            )
        if recent.at < timezone.now() - KEYS_KEPT and not _database_is_level():
            raise ApiError(errors.MAINTENANCE, "", {"executed": False}, {"Retry-After": "10"})
        return recent, False


def _database_is_level() -> bool:
    position = engine_position()
    return "n" in position and int(position.get("db_n", "0")) >= int(position["n"])


def wait_for_database(n: int, timeout_s: float = 15) -> None:
    """Until the db writer has committed outcome n. Raises DatabaseBehind."""
    deadline = time.monotonic() + timeout_s
    while int(engine_position().get("db_n", "0")) < n:
        if time.monotonic() > deadline:
            raise DatabaseBehind(f"The database has not reached outcome {n} within {timeout_s:g} s.")
        time.sleep(0.02)
