import pytest

from marketdata.intervals import INTERVALS
from marketdata.stream_names import Stream, StreamRefused, parse_stream

GOOD = [
    ("trade.SOL_USDC", Stream("trade", "SOL_USDC")),
    ("trade@SOL_USDC", Stream("trade", "SOL_USDC")),
    ("ticker@SOL_USDC", Stream("ticker", "SOL_USDC")),
    ("bookTicker.SOL_USDC", Stream("bookTicker", "SOL_USDC")),
    ("bookTicker@SOL_USDC", Stream("bookTicker", "SOL_USDC")),
    ("depth.SOL_USDC", Stream("depth", "SOL_USDC")),
    ("depth@SOL_USDC", Stream("depth", "SOL_USDC")),
    ("depth.200ms.SOL_USDC", Stream("depth", "SOL_USDC", window_ms=200)),
    ("depth.600ms.SOL_USDC", Stream("depth", "SOL_USDC", window_ms=600)),
    ("depth.1000ms.SOL_USDC", Stream("depth", "SOL_USDC", window_ms=1000)),
    ("kline.1month.SOL_USDC", Stream("kline", "SOL_USDC", interval="1month")),
    ("trade.no_such-market", Stream("trade", "no_such-market")),
    ("auction.SOL_USDC", Stream("auction", "SOL_USDC")),
    ("markPrice.SOL_USDC", Stream("markPrice", "SOL_USDC")),
    ("openInterest.SOL_USDC", Stream("openInterest", "SOL_USDC")),
    ("liquidation", Stream("liquidation")),
    ("account.orderUpdate", Stream("account.orderUpdate")),
    ("account.orderUpdate.SOL_USDC", Stream("account.orderUpdate", "SOL_USDC")),
    ("account.balanceUpdate", Stream("account.balanceUpdate")),
    ("account.positionUpdate", Stream("account.positionUpdate")),
    ("account.rfqUpdate.SOL_USDC", Stream("account.rfqUpdate", "SOL_USDC")),
    *[(f"kline.{interval}.SOL_USDC", Stream("kline", "SOL_USDC", interval=interval)) for interval in INTERVALS],
]
BAD = [
    ("depth.100ms.SOL_USDC", 4008),
    ("depth..SOL_USDC", 4008),
    *[
        (name, 4006)
        for name in (
            "",
            ".",
            "trade",
            "trade.",
            "trade@",
            "trade.SOL USDC",
            'trade."',
            "trade.SOL_USDC.x",
            "TRADE.SOL_USDC",
            "candles.SOL_USDC",
            "kline.SOL_USDC",
            "kline.7m.SOL_USDC",
            "kline.1m@SOL_USDC",
            "kline@SOL_USDC",
            "depth",
            "depth.200ms.SOL_USDC.x",
            "depth.200ms@SOL_USDC",
            "liquidation.SOL_USDC",
            "account",
            "account.balanceUpdate.SOL_USDC",
            "account.secrets",
            "trade." + "X" * 41,
            "trade.\uff33",
        )
    ],
]


@pytest.mark.parametrize(("name", "stream"), GOOD)
def test_names_that_clients_use(name, stream):
    assert parse_stream(name) == stream


@pytest.mark.parametrize(("name", "code"), BAD)
def test_names_that_are_refused(name, code):
    with pytest.raises(StreamRefused) as refused:
        parse_stream(name)
    assert refused.value.error[0] == code
