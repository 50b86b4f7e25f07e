"""What the market pages show, ready to print. Live figures come over the WebSocket; these are for the first paint."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from marketdata import figures, selectors
from marketdata.day import day_of
from marketdata.halt import Halt, current
from marketdata.market_state import StateWords, state_words
from marketdata.models import Kline, Market, MarketFigures, MarketStatistics
from matching.symbols import MarketSpec

SPARK_WIDTH, SPARK_HEIGHT = 112, 24
MARKER_WIDTH = 154
SPARK_INTERVAL = "30m"
CHART_CANDLES = 48


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of 24 hours: points for an SVG polyline, its end, and the height of the opening price."""

    points: str
    end_x: str
    end_y: str
    open_y: str


@dataclass(frozen=True, slots=True)
class MarketRow:
    market: Market
    spec: MarketSpec
    state: StateWords
    last: str  # Grouped, or a dash.
    change: str
    change_by: str
    direction: str
    high: str
    low: str
    volume: str
    quote_volume: str
    quote_volume_full: str
    marker: int  # Where last stands between low and high, in a drawing 154 wide.
    spark: Spark | None


def market_rows() -> list[MarketRow]:
    markets = selectors.listed_markets()
    since = timezone.now() - timedelta(hours=24)
    lines: dict[int, list[int]] = {}
    candles = Kline.objects.filter(interval=SPARK_INTERVAL, start__gte=since).order_by("market_id", "start")
    for market_id, close in candles.values_list("market_id", "close_ticks"):
        lines.setdefault(market_id, []).append(close)
    stopped = current()
    return [market_row(market, lines.get(market.pk, []), stopped) for market in markets]


def market_row(market: Market, closes: list[int] | None = None, stopped: Halt | None = None) -> MarketRow:
    """The market's 24 h in words. Needs `figures` and `statistics` joined in (both may be missing). `stopped`: the
    kill switch."""
    spec = market.spec()
    now: MarketFigures | None = getattr(market, "figures", None)
    last = now.last_price_ticks if now else None
    day = _day(market, last)
    opened = day.open_ticks
    moved = last - opened if last is not None and opened is not None else 0
    high = _highest(day.high_ticks, last)
    low = _lowest(day.low_ticks, last)
    quote_volume = spec.format_quote(int(day.quote_units))
    return MarketRow(
        market=market,
        spec=spec,
        state=state_words(market, stopped),
        last=_price(spec, last),
        change=figures.percent(moved, opened) if opened else figures.UNKNOWN,
        change_by=_signed_price(spec, moved) if opened else figures.UNKNOWN,
        direction=figures.direction(moved),
        high=_price(spec, high),
        low=_price(spec, low),
        volume=figures.short(spec.format_quantity_padded(day.volume_lots)),
        quote_volume=figures.short(quote_volume),
        quote_volume_full=figures.grouped(quote_volume),
        marker=_marker(low, high, last),
        spark=_spark([*(closes or []), *([last] if last is not None else [])], opened),
    )


def _day(market: Market, last: int | None) -> MarketStatistics:
    """What the job of each minute kept; from the candles where it has not come by, or came before the first trade."""
    kept: MarketStatistics | None = getattr(market, "statistics", None)
    if kept is None or (kept.open_ticks is None and last is not None):
        return day_of(market, timezone.now())
    return kept


def _highest(known: int | None, last: int | None) -> int | None:
    return max(known, last) if known is not None and last is not None else known


def _lowest(known: int | None, last: int | None) -> int | None:
    return min(known, last) if known is not None and last is not None else known


def _price(spec: MarketSpec, ticks: int | None) -> str:
    return figures.UNKNOWN if ticks is None else figures.grouped(spec.format_price_padded(ticks))


def _signed_price(spec: MarketSpec, ticks: int) -> str:
    sign = "+" if ticks > 0 else figures.MINUS if ticks < 0 else ""
    return sign + figures.grouped(spec.format_price_padded(abs(ticks)))


def _marker(low: int | None, high: int | None, last: int | None) -> int:
    if low is None or high is None or last is None or high <= low:
        return MARKER_WIDTH // 2
    return MARKER_WIDTH * (last - low) // (high - low)


def _spark(closes: list[int], opened: int | None) -> Spark | None:
    """Whole tenths of a pixel: this is drawing, but a float would still print badly."""
    if len(closes) < 2:
        return None
    levels = [*closes, *([opened] if opened is not None else [])]
    low, high = min(levels), max(levels)
    span = max(high - low, 1)

    def y_of(ticks: int) -> str:
        tenths = 20 + (high - ticks) * (SPARK_HEIGHT - 4) * 10 // span
        return f"{tenths // 10}.{tenths % 10}"

    def x_of(index: int) -> str:
        tenths = index * (SPARK_WIDTH - 3) * 10 // (len(closes) - 1)
        return f"{tenths // 10}.{tenths % 10}"

    points = " ".join(f"{x_of(index)},{y_of(ticks)}" for index, ticks in enumerate(closes))
    open_y = y_of(opened if opened is not None else closes[0])
    return Spark(points, x_of(len(closes) - 1), y_of(closes[-1]), open_y)


@dataclass(frozen=True, slots=True)
class CandleShape:
    """One candle of the chart that is drawn by the server: SVG coordinates in a box of 960 x 400."""

    rising: bool
    x: int
    middle: int
    top: int
    height: int
    bottom: int
    high: int
    low: int


def chart_shapes(candles: list[Kline]) -> list[CandleShape]:
    """The last candles as boxes and lines, oldest first."""
    shown = candles[-CHART_CANDLES:]
    if not shown:
        return []
    low = min(candle.low_ticks for candle in shown)
    span = max(max(candle.high_ticks for candle in shown) - low, 1)

    def y_of(ticks: int) -> int:
        return 380 - (ticks - low) * 360 // span

    shapes = []
    for index, candle in enumerate(shown):
        top = y_of(max(candle.open_ticks, candle.close_ticks))
        bottom = y_of(min(candle.open_ticks, candle.close_ticks))
        rising = candle.close_ticks >= candle.open_ticks
        x = (CHART_CANDLES - len(shown) + index) * 20 + 4
        high, low_y = y_of(candle.high_ticks), y_of(candle.low_ticks)
        shapes.append(CandleShape(rising, x, x + 6, top, max(bottom - top, 1), bottom, high, low_y))
    return shapes
