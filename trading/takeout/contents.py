"""What is in an archive: file by file, head and lines. Everything starts from one account."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import Account, ApiKey, Balance
from accounts.site.models import Preference, SignIn
from accounts.wallet.models import DepositAddress, WithdrawalAddress
from marketdata.models import Asset
from trading.history.kinds import KINDS
from trading.history.lines import moment
from trading.history.wishes import Wish

ROWS_AT_ONCE = 2_000


class File(NamedTuple):
    """A CSV file of the archive."""

    name: str
    head: tuple[str, ...]
    lines: Callable[[Account], Iterable[list[str]]]


def profile(account: Account, n: int, at: str) -> bytes:
    """Who it is about, and the moment everything belongs to."""
    user = account.user
    assert user is not None, "archives are for people"
    wanted = Preference.objects.filter(user=user).values(
        "theme", "pair", "density", "language", "numbers", "sounds", "confirm_orders"
    )
    found = {
        "format": "takeout 1",
        "account": str(account.pk),
        "outcome": str(n),
        "at": at,
        "email": user.email,
        "emails": [
            {"email": row.email, "verified": row.verified, "primary": row.primary}
            for row in EmailAddress.objects.filter(user=user).order_by("email")
        ],
        "joined_utc": moment(user.date_joined),
        "last_login_utc": moment(user.last_login),
        "account_opened_utc": moment(account.created_at),
        "second_factors": [
            {"type": row.type, "since_utc": moment(row.created_at), "last_used_utc": moment(row.last_used_at)}
            for row in Authenticator.objects.filter(user=user).order_by("pk")
        ],
        "preferences": wanted.first() or {},
    }
    return json.dumps(found, indent=1, ensure_ascii=False).encode()


def _balances(account: Account) -> Iterator[list[str]]:
    assets = {asset.pk: asset for asset in Asset.objects.all()}
    for row in Balance.objects.filter(account=account).order_by("asset_id"):
        spec = assets[row.asset_id].spec()
        total = row.available_units + row.locked_units
        yield [spec.symbol, spec.format(row.available_units), spec.format(row.locked_units), spec.format(total)]


def _history(name: str) -> Callable[[Account], Iterable[list[str]]]:
    kind = KINDS[name]
    return lambda account: map(kind.line, kind.rows(account.pk, Wish(), False))


def _keys(account: Account) -> Iterator[list[str]]:
    """Public halves only: the others were never here."""
    for key in ApiKey.objects.filter(account=account).order_by("pk"):
        may = [word for word in ("read", "trade", "withdraw") if getattr(key, f"can_{word}")]
        yield [
            key.public_key, key.name, " ".join(may), " ".join(key.ip_list.split()), moment(key.created_at),
            moment(key.expires_at), moment(key.revoked_at), moment(key.last_used_at),
        ]  # fmt: skip


def _addresses(account: Account) -> Iterator[list[str]]:
    for own in DepositAddress.objects.filter(account=account).order_by("pk"):
        yield ["deposit", own.blockchain, own.address, "", "", moment(own.created_at), "", ""]
    for row in WithdrawalAddress.objects.filter(account=account).order_by("pk"):
        yield [
            "withdrawal", row.blockchain, row.address, row.memo, row.label, moment(row.created_at),
            moment(row.usable_from), moment(row.removed_at),
        ]  # fmt: skip


def _sessions(account: Account) -> Iterator[list[str]]:
    for row in UserSession.objects.filter(user_id=account.user_id).order_by("pk"):
        yield [moment(row.created_at), moment(row.last_seen_at), str(row.ip), row.user_agent]


def _sign_ins(account: Account) -> Iterator[list[str]]:
    rows: Any = SignIn.objects.filter(user_id=account.user_id).order_by("pk").iterator(chunk_size=ROWS_AT_ONCE)
    for row in rows:
        yield [moment(row.at), row.ip_address or "", row.device, row.method]


FILES = (
    File("balances.csv", ("asset", "available", "locked", "total"), _balances),
    *(
        File(f"{name}.csv", KINDS[name].head, _history(name))
        for name in ("orders", "fills", "ledger", "deposits", "withdrawals")
    ),
    File(
        "api_keys.csv",
        ("public_key", "name", "may", "only_from", "created_utc", "expires_utc", "revoked_utc", "last_used_utc"),
        _keys,
    ),
    File(
        "addresses.csv",
        ("use", "blockchain", "address", "memo", "label", "created_utc", "usable_from_utc", "removed_utc"),
        _addresses,
    ),
    File("sessions.csv", ("since_utc", "last_seen_utc", "ip_address", "browser"), _sessions),
    File("sign_ins.csv", ("at_utc", "ip_address", "device", "method"), _sign_ins),
)
