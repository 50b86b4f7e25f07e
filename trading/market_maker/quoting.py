"""What the market maker wants to stand in the book. Pure: integers in, integers out, no clock, no network.

Rules. Prices are ticks and quantities lots. The reference price walks at random inside a band, in thousandths of a
tick, so that small moves of cheap markets are not lost. Candidate prices are fixed points of the price axis, chosen by
a hash of the price: when the reference moves by a tick, all but the outermost quotes stay where they are, which keeps
their place in the queue and the number of requests small. Too much inventory shifts both sides away from it, and at
the limit the side that would add to it is empty.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from exchange_site.kernel.money import from_units
from matching.messages import Side

PPM = 1_000_000
BPS = 10_000
MILLI = 1_000  # The walk counts thousandths of a tick.


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int), "tick and step are finite numbers"
    return max(0, -exponent)


@dataclass(frozen=True, slots=True)
class Instrument:
    """A market as the public API describes it: how its text becomes ticks and lots, and back."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_lots: int

    @classmethod
    def from_market(cls, market: Mapping) -> "Instrument":
        """From one element of GET /api/v1/markets."""
        price, quantity = market["filters"]["price"], market["filters"]["quantity"]
        step = Decimal(quantity["stepSize"])
        return cls(
            symbol=market["symbol"],
            base=market["baseSymbol"],
            quote=market["quoteSymbol"],
            tick=Decimal(price["tickSize"]),
            step=step,
            min_lots=int(Decimal(quantity["minQuantity"]) // step),
        )

    def ticks(self, text: str) -> int:
        """Whole ticks of a price, rounded down."""
        return int(Decimal(text) // self.tick)

    def lots(self, text: str) -> int:
        """Whole lots of a quantity, rounded down."""
        return int(Decimal(text) // self.step)

    def price_text(self, ticks: int) -> str:
        decimals = _exponent(self.tick)
        return from_units(ticks * int(self.tick.scaleb(decimals)), decimals)

    def quantity_text(self, lots: int) -> str:
        decimals = _exponent(self.step)
        return from_units(lots * int(self.step.scaleb(decimals)), decimals)


@dataclass(frozen=True, slots=True)
class QuoteSettings:
    """One market's entry of `settings.MARKET_MAKER` in ticks and lots (see that module for the meaning)."""

    reference_ticks: int
    band_bps: int
    volatility_ppm: int
    reversion_ppm: int
    spread_bps: int
    levels: int
    level_step_ticks: int
    density_percent: int
    size_lots: int
    inventory_target_lots: int
    inventory_limit_lots: int
    taker_target_lots: int
    skew_bps: int
    refresh_ms: int
    max_cancels: int
    taker_every_ms: int
    taker_size_lots: int
    taker_slippage_bps: int

    @classmethod
    def of(cls, entry: Mapping, instrument: Instrument) -> "QuoteSettings":
        """Raises ValueError when the entry cannot be quoted in this market."""
        texts = {
            "reference_ticks": instrument.ticks(entry["reference_price"]),
            "size_lots": instrument.lots(entry["size"]),
            "inventory_target_lots": instrument.lots(entry["inventory_target"]),
            "inventory_limit_lots": instrument.lots(entry["inventory_limit"]),
            "taker_target_lots": instrument.lots(entry["taker_target"]),
            "taker_size_lots": instrument.lots(entry["taker_size"]),
        }
        numbers = {name: entry[name] for name in cls.__dataclass_fields__ if name not in texts}
        made = cls(**texts, **numbers)
        if made.reference_ticks <= 0 or made.inventory_limit_lots <= 0 or not 0 < made.density_percent <= 100:
            raise ValueError(f"The market maker's settings do not fit {instrument.symbol}")
        if min(made.size_lots, made.taker_size_lots) < instrument.min_lots:
            raise ValueError(f"The market maker's sizes are below the minimum of {instrument.symbol}")
        return made


@dataclass(frozen=True, slots=True)
class Quote:
    """One order that should stand in the book."""

    side: Side
    price_ticks: int
    lots: int


class ReferencePrice:
    """A random walk with mean reversion, clamped to a band around the configured price."""

    def __init__(self, settings: QuoteSettings, start_ticks: int | None = None):
        self._settings = settings
        self._home = settings.reference_ticks * MILLI
        room = self._home * settings.band_bps // BPS
        self._low, self._high = self._home - room, self._home + room
        self._value = self._clamped((start_ticks or settings.reference_ticks) * MILLI)

    @property
    def millis(self) -> int:
        """The price in thousandths of a tick."""
        return self._value

    def _clamped(self, value: int) -> int:
        return min(max(value, self._low), self._high)

    def step(self, rng: Random) -> int:
        """Walk one step and return the new price in thousandths of a tick."""
        swing = rng.randint(-self._settings.volatility_ppm, self._settings.volatility_ppm)
        pull = (self._home - self._value) * self._settings.reversion_ppm // PPM
        self._value = self._clamped(self._value + self._value * swing // PPM + pull)
        return self._value


def mixed(number: int) -> int:
    """The number thoroughly mixed (splitmix64): the same in every process and on every day."""
    number = (number + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return number ^ (number >> 31)


def skewed_millis(reference_millis: int, inventory_lots: int, settings: QuoteSettings) -> int:
    """The reference shifted against the inventory: long quotes lower, to sell more than it buys; short higher."""
    excess = inventory_lots - settings.inventory_target_lots
    excess = min(max(excess, -settings.inventory_limit_lots), settings.inventory_limit_lots)
    return reference_millis - reference_millis * settings.skew_bps * excess // (settings.inventory_limit_lots * BPS)


def desired_quotes(reference_millis: int, inventory_lots: int, settings: QuoteSettings, min_lots: int) -> list[Quote]:
    """The whole desired book of one market, each side best first.

    `inventory_lots` is what the account owns of the base asset, free or locked. The best bid is always below the best
    ask by at least one tick.
    """
    fair = skewed_millis(reference_millis, inventory_lots, settings)
    half = reference_millis * settings.spread_bps // (2 * BPS)
    best_bid = (fair - half) // MILLI
    best_ask = max(-((-fair - half) // MILLI), best_bid + 1)
    excess = inventory_lots - settings.inventory_target_lots
    quotes: list[Quote] = []
    if excess < settings.inventory_limit_lots:
        quotes += _side(Side.BID, best_bid, settings, min_lots)
    if excess > -settings.inventory_limit_lots:
        quotes += _side(Side.ASK, best_ask, settings, min_lots)
    return quotes


def _side(side: Side, best_ticks: int, settings: QuoteSettings, min_lots: int) -> list[Quote]:
    """Walk away from the best price over the fixed candidate prices until there are enough levels."""
    step = settings.level_step_ticks
    away = -1 if side is Side.BID else 1
    within = _at_or_below(best_ticks) if side is Side.BID else _at_or_above(best_ticks)
    slot = best_ticks // step
    quotes: list[Quote] = []
    # Each slot is used with the configured probability, so this many slots are enough except by a miracle.
    for _ in range(settings.levels * 100 // settings.density_percent * 4 + 8):
        draw = mixed(slot)
        price = slot * step + draw % step
        slot += away
        if (draw >> 16) % 100 >= settings.density_percent or price <= 0 or not within(price):
            continue
        quotes.append(Quote(side, price, max(_lots(draw, len(quotes), settings), min_lots)))
        if len(quotes) == settings.levels:
            break
    return quotes


def _at_or_below(best: int) -> Callable[[int], bool]:
    return lambda price: price <= best


def _at_or_above(best: int) -> Callable[[int], bool]:
    return lambda price: price >= best


def _lots(draw: int, depth: int, settings: QuoteSettings) -> int:
    """20 % to 180 % of the configured size, growing to three times that at the deepest level."""
    percent = 20 + (draw >> 32) % 161
    growth = 100 + 200 * depth // settings.levels
    return settings.size_lots * percent * growth // 10_000
