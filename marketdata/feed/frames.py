"""The `data` of every public stream and the market figures of REST, exactly as clients know them. Pure.

Streams pad prices and quantities to the market's tick and step and count time in microseconds; REST trims. `now_us` is
the moment of sending (`E`), `T` the engine's time of what is told.
"""

from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import orjson

from marketdata.feed.book import BookMirror, Level
from marketdata.feed.messages import BookDiff, CandleState, Figures, MarketMode, PublicTrade
from marketdata.intervals import end_of
from matching.symbols import MarketSpec

PERCENT_DECIMALS = 6


def depth(spec: MarketSpec, diff: BookDiff, now_us: int) -> bytes:
    price, quantity = spec.format_price_padded, spec.format_quantity_padded
    return orjson.dumps(
        {
            "e": "depth",
            "E": now_us,
            "s": diff.market,
            "a": [(price(ticks), quantity(lots)) for ticks, lots in diff.asks],
            "b": [(price(ticks), quantity(lots)) for ticks, lots in diff.bids],
            "U": diff.first_id,
            "u": diff.last_id,
            "T": diff.at_ms * 1000,
        }
    )


CHECKSUM_LEVELS = 10


def book_checksum(spec: MarketSpec, book: BookMirror) -> int:
    """CRC32 of the ten best asks, rising, then the ten best bids, falling: price and quantity of each level as the
    streams write them, without the point and without leading zeros, one after the other with nothing in between."""
    tick, step = spec.tick_scaled, spec.step_scaled
    levels = [*book.asks.top(CHECKSUM_LEVELS), *reversed(book.bids.top(CHECKSUM_LEVELS))]
    return crc32("".join([f"{ticks * tick}{lots * step}" for ticks, lots in levels]).encode())


def checksum(spec: MarketSpec, book: BookMirror, now_us: int) -> bytes:
    """Our own stream: proves the book that has seen change `u`."""
    data = {
        "e": "checksum", "E": now_us, "s": spec.symbol, "u": book.update_id, "c": book_checksum(spec, book),
        "T": book.at_ms * 1000,
    }  # fmt: skip
    return orjson.dumps(data)


def heartbeat(spec: MarketSpec, book: BookMirror, last_trade_id: int | None, now_us: int) -> bytes:
    """Our own stream: the last ids there are."""
    data = {
        "e": "heartbeat", "E": now_us, "s": spec.symbol, "u": book.update_id, "t": last_trade_id,
        "c": book_checksum(spec, book), "T": book.at_ms * 1000,
    }  # fmt: skip
    return orjson.dumps(data)


def trade(spec: MarketSpec, made: PublicTrade, now_us: int) -> bytes:
    return orjson.dumps(
        {
            "e": "trade",
            "E": now_us,
            "s": made.market,
            "p": spec.format_price_padded(made.price_ticks),
            "q": spec.format_quantity_padded(made.quantity_lots),
            "b": str(made.buyer_order_id),
            "a": str(made.seller_order_id),
            "t": made.trade_id,
            "T": made.at_ms * 1000,
            "m": made.buyer_is_maker,
        }
    )


def book_ticker(
    spec: MarketSpec, bid: Level | None, ask: Level | None, update_id: int, at_ms: int, now_us: int
) -> bytes:
    """Price and quantity of a side without orders are null."""
    return orjson.dumps(
        {
            "e": "bookTicker",
            "E": now_us,
            "s": spec.symbol,
            "a": spec.format_price_padded(ask[0]) if ask else None,
            "A": spec.format_quantity_padded(ask[1]) if ask else None,
            "b": spec.format_price_padded(bid[0]) if bid else None,
            "B": spec.format_quantity_padded(bid[1]) if bid else None,
            "u": update_id,
            "T": at_ms * 1000,
        }
    )


def ticker(spec: MarketSpec, figures: Figures, now_us: int) -> bytes:
    """All zero for a market that never traded, like its REST figures."""
    price = spec.format_price_padded
    return orjson.dumps(
        {
            "e": "ticker",
            "E": now_us,
            "s": spec.symbol,
            "o": price(figures.first_ticks or 0),
            "c": price(figures.last_ticks or 0),
            "h": price(figures.high_ticks or 0),
            "l": price(figures.low_ticks or 0),
            "v": spec.format_quantity_padded(int(figures.volume_lots)),
            "V": spec.format_quote(int(figures.quote_units)),
            "n": figures.trades,
        }
    )


def kline(spec: MarketSpec, candle: CandleState, now_us: int) -> bytes:
    price = spec.format_price_padded
    return orjson.dumps(
        {
            "e": "kline",
            "E": now_us,
            "s": spec.symbol,
            "t": _candle_time(candle.start_ms),
            "T": _candle_time(end_of(candle.interval, candle.start_ms)),
            "o": price(candle.open_ticks),
            "c": price(candle.close_ticks),
            "h": price(candle.high_ticks),
            "l": price(candle.low_ticks),
            "v": spec.format_quantity_padded(int(candle.volume_lots)),
            "n": candle.trades,
            "X": candle.closed,
        }
    )


def auction(spec: MarketSpec, mode: MarketMode, now_us: int) -> bytes:
    """Our own stream: what the market takes and, while it collects orders, where it would uncross now."""
    return orjson.dumps(
        {
            "e": "auction",
            "E": now_us,
            "s": spec.symbol,
            "X": mode.state,
            "C": mode.collecting,
            "D": mode.ends_at_ms,
            "p": None if mode.price_ticks is None else spec.format_price_padded(mode.price_ticks),
            "q": spec.format_quantity_padded(mode.lots),
            "i": spec.format_quantity_padded(mode.surplus_lots),
            "R": mode.reason,
            "T": mode.at_ms * 1000,
        }
    )


def _candle_time(at_ms: int) -> str:
    """`"2026-01-31T23:59:00"`: UTC without a zone; candles begin and end on whole seconds."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")


# -------------------------------------------------------------------------------------------------------------- REST


def depth_answer(spec: MarketSpec, bids: list[Level], asks: list[Level], update_id: int, at_ms: int) -> dict[str, Any]:
    """Both sides ascend by price: the best ask is first, the best bid last."""
    price, quantity = spec.format_price, spec.format_quantity
    return {
        "asks": [[price(ticks), quantity(lots)] for ticks, lots in asks],
        "bids": [[price(ticks), quantity(lots)] for ticks, lots in bids],
        "lastUpdateId": str(update_id),
        "timestamp": at_ms * 1000,
    }


def ticker_answer(spec: MarketSpec, figures: Figures) -> dict[str, Any]:
    price = spec.format_price
    first, last = figures.first_ticks or 0, figures.last_ticks or 0
    return {
        "symbol": spec.symbol,
        "firstPrice": price(first),
        "lastPrice": price(last),
        "priceChange": price(last - first),
        "priceChangePercent": fraction(last - first, first),
        "high": price(figures.high_ticks or 0),
        "low": price(figures.low_ticks or 0),
        "volume": spec.format_quantity(int(figures.volume_lots)),
        "quoteVolume": spec.format_quote(int(figures.quote_units)),
        "trades": str(figures.trades),
    }


def fraction(part: int, whole: int) -> str:
    """part / whole with at most six decimals, rounded to nearest (half away from zero); `"0"` when whole is 0."""
    from_zero = (2 * abs(part) * 10**PERCENT_DECIMALS + whole) // (2 * whole) if whole else 0
    digits = str(from_zero).rjust(PERCENT_DECIMALS + 1, "0")
    text = f"{digits[:-PERCENT_DECIMALS]}.{digits[-PERCENT_DECIMALS:]}".rstrip("0").rstrip(".")
    return f"-{text}" if part < 0 and from_zero else text


def trade_answer(spec: MarketSpec, made: PublicTrade) -> dict[str, Any]:
    return {
        "id": made.trade_id,
        "price": spec.format_price(made.price_ticks),
        "quantity": spec.format_quantity(made.quantity_lots),
        "quoteQuantity": spec.format_quote(made.quote_units),
        "timestamp": made.at_ms,
        "isBuyerMaker": made.buyer_is_maker,
    }


def auction_answer(spec: MarketSpec, mode: MarketMode) -> dict[str, Any]:
    """The figures are null unless the market collects orders for an auction."""
    collecting = mode.collecting
    price = spec.format_price(mode.price_ticks) if collecting and mode.price_ticks is not None else None
    return {
        "symbol": spec.symbol,
        "state": mode.state,
        "collecting": collecting,
        "endsAt": mode.ends_at_ms,
        "reason": mode.reason or None,
        "indicativePrice": price,
        "indicativeQuantity": spec.format_quantity(mode.lots) if collecting else None,
        "surplusQuantity": spec.format_quantity(mode.surplus_lots) if collecting else None,
        "timestamp": mode.at_ms * 1000,
    }
