"""What binds the whole venue and single accounts, as the engine last said; the engine decides, this is for reading."""

from django.db.models import Count

from marketdata.halt import Halt
from trading.models import AccountBlock, AccountRules, Order, VenueSwitch
from trading.selectors import OPEN


def kill_switch() -> Halt | None:
    """None while trading is allowed."""
    row = VenueSwitch.objects.filter(name=VenueSwitch.Name.KILL, value=1).first()
    return None if row is None else Halt(row.since, row.actor, row.reason)


def is_blocked(account_id: int, symbol: str | None) -> bool:
    """Whether there is a block of this market, or (None) of all; a block of all is not one of each."""
    return AccountBlock.objects.filter(account_id=account_id, market=symbol or "").exists()


def open_order_count(account_id: int) -> list[tuple[str, int]]:
    """Symbol and number of open orders, conditional ones included, of each market that has any."""
    rows = Order.objects.filter(account_id=account_id, status__in=OPEN).values("market__symbol")
    counted = rows.annotate(count=Count("pk")).order_by("market__symbol")
    return [(row["market__symbol"], row["count"]) for row in counted]


def rules_in_words(account_id: int) -> list[str]:
    """What binds an account's trading now, a line each."""
    row = AccountRules.objects.filter(pk=account_id).first()
    lines = [f"Fee tier {row.tier if row else 0}"]
    if row is not None and row.cancel_after is not None:
        lines.append(f"Dead man's switch: all its orders are cancelled at {row.cancel_after:%d %b %H:%M:%S} UTC")
    for block in AccountBlock.objects.filter(account_id=account_id).order_by("market"):
        where = block.market or "all markets"
        lines.append(f"Blocked in {where} since {block.since:%d %b %H:%M} UTC by {block.actor}: {block.reason}")
    open_orders = ", ".join(f"{count} in {symbol}" for symbol, count in open_order_count(account_id))
    return [*lines, f"Open orders: {open_orders or 'none'}"]
