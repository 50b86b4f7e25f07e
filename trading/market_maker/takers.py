"""Random takers: small orders that meet the book, so that there are trades and the candles move. Pure.

They belong to a second account, because the maker's own orders never trade with each other. Their sides are balanced:
the more a taker has bought, the more likely it is to sell. They are IOC limit orders with a protection price and never
bare market orders, so an empty or odd book costs nothing.
"""

from dataclasses import dataclass
from random import Random

from matching.messages import Side
from trading.market_maker.quoting import BPS, MILLI, QuoteSettings

LEAST_PERCENT = 10  # However far the inventory is off, both sides stay possible.


@dataclass(frozen=True, slots=True)
class TakerOrder:
    side: Side
    limit_ticks: int
    lots: int


def buy_percent(inventory_lots: int, settings: QuoteSettings) -> int:
    """How likely the next taker buys, from 10 to 90, by what the account owns of the base asset."""
    excess = inventory_lots - settings.taker_target_lots
    percent = 50 - 40 * excess // settings.inventory_limit_lots
    return min(max(percent, LEAST_PERCENT), 100 - LEAST_PERCENT)


def next_taker(
    rng: Random, reference_millis: int, inventory_lots: int, settings: QuoteSettings, min_lots: int
) -> TakerOrder:
    """One taker; small ones are more frequent than large ones."""
    buys = rng.randrange(100) < buy_percent(inventory_lots, settings)
    lots = min(rng.randint(min_lots, settings.taker_size_lots), rng.randint(min_lots, settings.taker_size_lots))
    room = reference_millis * settings.taker_slippage_bps // BPS
    limit = (reference_millis + room) // MILLI if buys else -((room - reference_millis) // MILLI)
    return TakerOrder(Side.BID if buys else Side.ASK, max(limit, 1), lots)


def next_delay_ms(rng: Random, settings: QuoteSettings) -> int:
    """Between a fifth of and nearly twice the mean time, so that trades do not tick like a clock."""
    return rng.randint(settings.taker_every_ms // 5, settings.taker_every_ms * 9 // 5)
