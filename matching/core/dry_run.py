"""What an order would trade, found without touching anything: for fill-or-kill and for the funds of market orders."""

from collections import deque
from typing import NamedTuple

from matching.core.book import Level
from matching.core.bounds import beyond
from matching.core.markets import Market
from matching.core.orders import NO_LIMIT, Order
from matching.core.words import DECREMENT, REJECT_MAKER
from matching.messages import SelfTradePrevention


class Reach(NamedTuple):
    """What an incoming order would trade: lots, and quote units at the makers' prices."""

    lots: int
    quote_units: int


class _Step(NamedTuple):
    """One level's part of it: lots traded, lots still wanted, and whether the walk ends here."""

    lots: int
    want_lots: int
    is_last: bool


def reach(market: Market, order: Order, limit_ticks: int | None) -> Reach:
    """How far the order would get up to `limit_ticks`, quantity, quote budget and self-trade prevention considered."""
    is_bid = order.is_bid
    unit = market.quote_units_per_tick_lot
    has_own_orders = order.account_id in market.of_account
    budget_units = NO_LIMIT if order.quote_units is None else order.quote_units
    want = order.remaining_lots
    lots = quote = 0
    for level in market.side(not is_bid).best_first():
        price = level.price_ticks
        if limit_ticks is not None and beyond(price, limit_ticks, is_bid):
            break
        affordable = (budget_units - quote) // (price * unit)
        if has_own_orders:
            step = _walk(level, order.account_id, order.self_trade_prevention, want, affordable)
        else:
            offered = level.lots + level.hidden_lots
            take = min(offered, want, affordable)
            step = _Step(take, want - take, take < offered)
        lots += step.lots
        quote += step.lots * price * unit
        want = step.want_lots
        if step.is_last or want == 0:
            break
    return Reach(lots, quote)


def _walk(level: Level, account_id: int, prevention: SelfTradePrevention, want: int, affordable: int) -> _Step:
    """Go through one queue as `cross` would, icebergs refreshing behind the others."""
    queue = deque((maker, maker.remaining_lots, _hidden(maker)) for maker in level.orders())
    lots = 0
    while queue:
        maker, shown, hidden = queue.popleft()
        is_own = maker.account_id == account_id
        if is_own and prevention is REJECT_MAKER:
            continue
        if is_own and prevention is not DECREMENT:
            return _Step(lots, want, True)
        take = min(shown, want) if is_own else min(shown, want, affordable - lots)
        want -= take
        if not is_own:
            lots += take
        if take < shown or want == 0:
            return _Step(lots, want, True)
        if hidden:
            assert maker.extra is not None
            assert maker.extra.terms.display_lots is not None
            shown = min(hidden, maker.extra.terms.display_lots)
            queue.append((maker, shown, hidden - shown))
    return _Step(lots, want, False)


def _hidden(maker: Order) -> int:
    return 0 if maker.extra is None else maker.extra.hidden_lots
