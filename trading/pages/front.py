"""One market for the front page: its last candles, its best prices and its last trades."""

from dataclasses import dataclass

from marketdata import selectors as market_selectors
from marketdata.models import Market
from marketdata.page_data import CandleShape, MarketRow, chart_shapes, market_row
from matching.messages import Side
from trading import selectors
from trading.pages import rows

INTERVAL = "1m"
LEVELS = 5
TRADES = 8


@dataclass(frozen=True, slots=True)
class FrontMarket:
    row: MarketRow
    name: str
    candles: list[CandleShape]
    bids: list[rows.BookRow]
    asks: list[rows.BookRow]
    tape: list[rows.TapeRow]


def front_market(market: Market) -> FrontMarket:
    spec = market.spec()
    bids = selectors.book_levels(market.pk, Side.BID, LEVELS)
    asks = selectors.book_levels(market.pk, Side.ASK, LEVELS)
    total = max(sum(lots for _, lots in bids), sum(lots for _, lots in asks), 1)
    return FrontMarket(
        row=market_row(market),
        name=market.symbol.replace("_", "/"),
        candles=chart_shapes(market_selectors.klines(market.pk, INTERVAL, limit=48)),
        bids=rows.book_rows(spec, bids, total),
        asks=rows.book_rows(spec, asks, total),
        tape=rows.tape_rows(spec, market_selectors.recent_trades(market.pk, TRADES)),
    )
