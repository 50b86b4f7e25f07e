"""What a reader filters history by: words of the query string, checked, as bounds of a query."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.http import QueryDict

from accounts.models import LedgerPosting
from accounts.wallet.models import Deposit, Withdrawal
from marketdata.models import Asset, Market
from matching.messages import OrderStatus, Side

SIDES = {"buy": Side.BID.value, "sell": Side.ASK.value}
ROLES = {"maker": True, "taker": False}
STATES = {  # Of orders: the reader's word, and what it stands for.
    "open": (OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value, OrderStatus.TRIGGER_PENDING.value),
    "filled": (OrderStatus.FILLED.value,),
    "cancelled": (OrderStatus.CANCELLED.value,),
    "expired": (OrderStatus.EXPIRED.value, OrderStatus.TRIGGER_FAILED.value),
}
LEDGER_KINDS: dict[str, str] = dict(LedgerPosting.Kind.choices)
DEPOSIT_STATES: dict[str, str] = dict(Deposit._meta.get_field("state").choices or ())  # type: ignore[union-attr]
WITHDRAWAL_STATES: dict[str, str] = dict(Withdrawal._meta.get_field("state").choices or ())  # type: ignore[union-attr]
MAX_CURSOR = 2**63 - 1
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)


class BadFilter(ValueError):
    """A filter that cannot be meant. The message is a sentence for the reader."""


@dataclass(frozen=True, slots=True)
class Wish:
    """None: everything. `since` counts, `until` does not; both UTC. `before`: only rows below this id."""

    market_id: int | None = None
    asset_id: int | None = None
    side: str | None = None
    state: str | None = None
    is_maker: bool | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: int | None = None


def wish_of(query: QueryDict, filters: tuple[str, ...]) -> Wish:
    """Reads the filters that a list has; others are ignored. Raises BadFilter."""
    found: dict[str, object] = {}
    if "market" in filters and (symbol := _text(query, "market")):
        found["market_id"] = _pk(Market, symbol, "There is no such market.")
    if "asset" in filters and (symbol := _text(query, "asset")):
        found["asset_id"] = _pk(Asset, symbol, "There is no such asset.")
    if "side" in filters and (word := _text(query, "side")):
        found["side"] = _one_of(SIDES, word, "A side is buy or sell.")
    if "role" in filters and (word := _text(query, "role")):
        found["is_maker"] = _one_of(ROLES, word, "A role is maker or taker.")
    if "state" in filters and (word := _text(query, "state")):
        found["state"] = word
    if "kind" in filters and (word := _text(query, "kind")):
        _one_of(LEDGER_KINDS, word, "There is no such kind of entry.")
        found["kind"] = word
    found["since"], found["until"] = _days(query)
    if before := _text(query, "before"):
        if not (before.isascii() and before.isdigit()) or len(before) > 19 or int(before) > MAX_CURSOR:
            raise BadFilter("This link is not complete. Start again from the newest.")
        found["before"] = int(before)
    return Wish(**found)  # type: ignore[arg-type]


def _text(query: QueryDict, name: str) -> str:
    return query.get(name, "").replace("\0", "\N{REPLACEMENT CHARACTER}").strip()[:64]


def _pk(model: type[Market] | type[Asset], symbol: str, sentence: str) -> int:
    pk = model.objects.filter(symbol=symbol).values_list("pk", flat=True).first()
    if pk is None:
        raise BadFilter(sentence)
    return int(pk)


def _one_of(words: Mapping[str, object], word: str, sentence: str) -> object:
    if word not in words:
        raise BadFilter(sentence)
    return words[word]


def _days(query: QueryDict) -> tuple[datetime | None, datetime | None]:
    """`from` and `to` are days (UTC), both included."""
    first, last = _day(query, "from"), _day(query, "to")
    if first and last and first > last:
        raise BadFilter("The first day is after the last one.")
    since = datetime(first.year, first.month, first.day, tzinfo=UTC) if first else None
    until = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1) if last else None
    return since, until


def _day(query: QueryDict, name: str) -> date | None:
    text = _text(query, name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if len(text) == 10 and text.isascii() else None
    except ValueError:
        day = None
    if day is None or not FIRST_DAY <= day <= LAST_DAY:
        raise BadFilter("A day is written like 2026-01-31.")
    return day
