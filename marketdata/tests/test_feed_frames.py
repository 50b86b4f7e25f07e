"""Every public frame and answer, to the letter of what clients know."""

import json
import zlib
from dataclasses import replace
from decimal import Decimal

import pytest

from marketdata.feed import frames
from marketdata.feed.book import BookMirror
from marketdata.feed.candles import Candles
from marketdata.feed.messages import (
    BookDiff,
    CandleState,
    Figures,
    MarketBatch,
    PublicTrade,
    decode_market_batch,
    encode,
)
from marketdata.feed.ticker import Ticker
from marketdata.klines import Candle
from marketdata.tests.mirror import BookCopy
from matching.symbols import AssetSpec, market_spec

SPEC = market_spec(
    "SOL_USDC", AssetSpec("SOL", 9), AssetSpec("USDC", 6), Decimal("0.01"), Decimal("0.01"), Decimal("0.01")
)
NOW = 1_750_000_000_124_000
AT = 1_750_000_000_123


def test_depth():
    diff = BookDiff("SOL_USDC", 1043, 1043, AT, [(2038, 0)], [(2041, 300)])
    assert frames.depth(SPEC, diff, NOW) == (
        b'{"e":"depth","E":1750000000124000,"s":"SOL_USDC","a":[["20.41","3.00"]],"b":[["20.38","0.00"]],'
        b'"U":1043,"u":1043,"T":1750000000123000}'
    )


def test_depth_of_one_side_has_both_members():
    frame = json.loads(frames.depth(SPEC, BookDiff("SOL_USDC", 7, 9, AT, [], [(2041, 1)]), NOW))
    assert (frame["b"], frame["U"], frame["u"]) == ([], 7, 9)


def test_trade():
    made = PublicTrade("SOL_USDC", 51, AT, 2040, 50, 10_200_000, True, 112233, 112240)
    assert frames.trade(SPEC, made, NOW) == (
        b'{"e":"trade","E":1750000000124000,"s":"SOL_USDC","p":"20.40","q":"0.50","b":"112233","a":"112240",'
        b'"t":51,"T":1750000000123000,"m":true}'
    )


def test_book_ticker():
    assert frames.book_ticker(SPEC, (2038, 100), (2041, 300), 1043, AT, NOW) == (
        b'{"e":"bookTicker","E":1750000000124000,"s":"SOL_USDC","a":"20.41","A":"3.00","b":"20.38","B":"1.00",'
        b'"u":1043,"T":1750000000123000}'
    )
    empty = json.loads(frames.book_ticker(SPEC, None, None, 1, AT, NOW))
    assert [empty[key] for key in "aAbB"] == [None] * 4


def test_ticker():
    figures = Figures(2000, 2040, 2050, 1980, 12_050, 2_431_070_000, 37)
    assert frames.ticker(SPEC, figures, NOW) == (
        b'{"e":"ticker","E":1750000000124000,"s":"SOL_USDC","o":"20.00","c":"20.40","h":"20.50","l":"19.80",'
        b'"v":"120.50","V":"2431.07","n":37}'
    )


def test_kline():
    start = 1_769_903_940_000  # 2026-01-31 23:59.
    candle = CandleState("SOL_USDC", "1m", start, 2000, 2050, 1980, 2040, 1250, 9, False)
    assert frames.kline(SPEC, candle, NOW) == (
        b'{"e":"kline","E":1750000000124000,"s":"SOL_USDC","t":"2026-01-31T23:59:00","T":"2026-02-01T00:00:00",'
        b'"o":"20.00","c":"20.40","h":"20.50","l":"19.80","v":"12.50","n":9,"X":false}'
    )


def test_the_end_of_a_month_is_the_next_first():
    candle = CandleState("SOL_USDC", "1month", 1_769_904_000_000, 1, 1, 1, 1, 1, 1, True)
    frame = json.loads(frames.kline(SPEC, candle, NOW))
    assert (frame["t"], frame["T"], frame["X"]) == ("2026-02-01T00:00:00", "2026-03-01T00:00:00", True)


def test_depth_answer_ascends_and_trims():
    answer = frames.depth_answer(SPEC, [(2030, 200), (2038, 100)], [(2041, 300), (2043, 150)], 1042, AT)
    assert answer == {
        "asks": [["20.41", "3"], ["20.43", "1.5"]],
        "bids": [["20.3", "2"], ["20.38", "1"]],
        "lastUpdateId": "1042",
        "timestamp": 1_750_000_000_123_000,
    }


def test_ticker_answer():
    assert frames.ticker_answer(SPEC, Figures(2000, 2040, 2050, 1980, 12_050, 2_431_070_000, 37)) == {
        "symbol": "SOL_USDC",
        "firstPrice": "20",
        "lastPrice": "20.4",
        "priceChange": "0.4",
        "priceChangePercent": "0.02",
        "high": "20.5",
        "low": "19.8",
        "volume": "120.5",
        "quoteVolume": "2431.07",
        "trades": "37",
    }


def test_ticker_answer_of_a_market_that_never_traded():
    answer = frames.ticker_answer(SPEC, Figures())
    assert {value for key, value in answer.items() if key != "symbol"} == {"0"}


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (40, 2000, "0.02"),
        (-1, 3, "-0.333333"),
        (2, 3, "0.666667"),
        (0, 5, "0"),
        (0, 0, "0"),
        (-1, 10**9, "0"),
        (5, 10**7, "0.000001"),
        (30, 10, "3"),
    ],
)
def test_fraction(part, whole, text):
    assert frames.fraction(part, whole) == text


def test_trade_answer():
    made = PublicTrade("SOL_USDC", 51, AT, 2040, 50, 10_200_000, True, 1, 2)
    assert frames.trade_answer(SPEC, made) == {
        "id": 51,
        "price": "20.4",
        "quantity": "0.5",
        "quoteQuantity": "10.2",
        "timestamp": 1_750_000_000_123,
        "isBuyerMaker": True,
    }


def test_sums_of_a_week_may_be_larger_than_any_number_msgpack_has():
    """Twelve decimals make a unit very small: twenty million coins of volume are more than 2^64 units."""
    quarter = Candle(2000, 2000, 2000, 2000, 2**62, 2**62, 1, 1)
    day = [(minute * 60_000, replace(quarter, last_seq=minute)) for minute in range(9)]
    candles = Candles(SPEC.symbol, {})
    told = candles.fold(day) + candles.take(600_000)
    batch = MarketBatch(1, 1, 0, tickers=[Ticker(2000, day, day).figures(SPEC.symbol)], candles=told)
    arrived = decode_market_batch(encode(batch))
    assert arrived == batch
    answer = frames.ticker_answer(SPEC, arrived.tickers[0].day)
    assert (answer["volume"], answer["quoteVolume"]) == (SPEC.format_quantity(9 * 2**62), SPEC.format_quote(9 * 2**62))
    volumes = {json.loads(frames.kline(SPEC, candle, 0))["v"] for candle in arrived.candles}
    assert SPEC.format_quantity_padded(9 * 2**62) in volumes


def a_book():
    book = BookMirror(1043, AT)
    for ticks, lots in ((2041, 300), (2042, 5), (2050, 1_000)):
        book.asks.set(ticks, lots)
    for ticks, lots in ((2038, 100), (2037, 1), (7, 12_345)):
        book.bids.set(ticks, lots)
    return book


def test_checksum_as_the_documentation_computes_it():
    """The test vector of docs/websocket.md."""
    text = "20413002042520501000203810020371712345"
    assert frames.book_checksum(SPEC, a_book()) == zlib.crc32(text.encode()) == 2_887_936_407
    assert frames.checksum(SPEC, a_book(), NOW) == (
        b'{"e":"checksum","E":1750000000124000,"s":"SOL_USDC","u":1043,"c":2887936407,"T":1750000000123000}'
    )


def test_checksum_of_an_empty_book():
    assert frames.book_checksum(SPEC, BookMirror()) == 0


def test_checksum_sees_ten_levels_of_each_side():
    book = a_book()
    for ticks in range(3000, 3020):
        book.asks.set(ticks, 1)
    seven_more = frames.book_checksum(SPEC, book)
    book.asks.set(3019, 2)
    assert frames.book_checksum(SPEC, book) == seven_more
    book.asks.set(3006, 2)
    assert frames.book_checksum(SPEC, book) != seven_more


def test_checksum_is_what_a_client_makes_of_padded_text():
    copy = BookCopy()
    asks = [["20.5", "10"], ["20.41", "3"], ["20.42", "0.05"]]
    bids = [["0.07", "123.45"], ["20.37", "0.01"], ["20.38", "1"]]
    copy.snapshot({"asks": asks, "bids": bids, "lastUpdateId": "1043"}, 2, 2)
    assert copy.checksum() == frames.book_checksum(SPEC, a_book())


def test_heartbeat():
    assert json.loads(frames.heartbeat(SPEC, a_book(), 51, NOW)) == {
        "e": "heartbeat", "E": NOW, "s": "SOL_USDC", "u": 1043, "t": 51, "c": 2_887_936_407, "T": AT * 1000,
    }  # fmt: skip
