"""Where the feeds begin: the database as it is after exactly the outcome of the writer's checkpoint.

Everything is read in one REPEATABLE READ transaction, so that book, candles and open orders belong to the same n.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F, Sum

from exchange_site.kernel.clock import datetime_of, ms_of
from marketdata.feed.messages import MarketMode, PublicTrade
from marketdata.feed.state import TRADES_KEPT, FeedStart, MarketFeedState, MarketStart
from marketdata.feed.ticker import DAY_BUCKET, DAY_BUCKETS, WEEK_BUCKET, WEEK_BUCKETS
from marketdata.intervals import FIXED_MS, INTERVALS, start_of
from marketdata.klines import Candle
from marketdata.models import Asset, Auction, Kline, Market, MarketFigures, Trade
from matching.messages import MarketState, OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce
from trading import selectors
from trading.models import Checkpoint, Order
from trading.user_feed.messages import OrderTerms
from trading.user_feed.state import OpenOrder, UserFeedStart, UserFeedState

WRITER = "db_writer"
IN_BOOK = [OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED]
OPEN = [*IN_BOOK, OrderStatus.TRIGGER_PENDING]
ROWS_AT_ONCE = 10_000


def market_feed_state() -> MarketFeedState:
    """May raise django.db.Error."""
    with _one_moment() as (n, at_ms):
        markets = {market.pk: market for market in Market.objects.select_related("base", "quote")}
        levels = _levels()
        figures = {row.market_id: row for row in MarketFigures.objects.all()}
        auctions = {auction.market_id: auction for auction in Auction.objects.filter(ended_at=None).order_by("seq")}
        starts = [
            _market_start(market, figures.get(market.pk), levels.get(market.pk, {}), at_ms, auctions.get(market.pk))
            for market in markets.values()
            if market.listed or market.pk in figures
        ]
        return MarketFeedState(FeedStart(n, at_ms, _assets(), starts))


def user_feed_state() -> UserFeedState:
    """May raise django.db.Error."""
    with _one_moment() as (n, at_ms):
        symbols = dict(Market.objects.values_list("pk", "symbol"))
        rows = Order.objects.filter(status__in=OPEN).iterator(chunk_size=ROWS_AT_ONCE)
        orders = [OpenOrder(_terms(row, symbols), row.executed_lots, row.executed_quote_units) for row in rows]
        return UserFeedState(UserFeedStart(n, at_ms, _assets(), orders))


@contextmanager
def _one_moment() -> Iterator[tuple[int, int]]:
    """A read-only transaction that sees one moment; gives the writer's n and its time (0, 0 before its first row)."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = Checkpoint.objects.filter(name=WRITER).first()
            yield (row.n, row.at_ms) if row is not None else (0, 0)
    finally:
        connection.close()  # The feed does not come back for a long time.


def _assets() -> dict[str, int]:
    return dict(Asset.objects.values_list("symbol", "decimals"))


def _levels() -> dict[int, dict[str, list[tuple[int, int]]]]:
    """Market -> side -> levels, summed up from the open orders; less what icebergs hide."""
    levels: dict[int, dict[str, list[tuple[int, int]]]] = {}
    rows = (
        Order.objects.filter(status__in=IN_BOOK, order_type=OrderType.LIMIT)
        .values_list("market_id", "side", "price_ticks")
        .annotate(lots=Sum(F("quantity_lots") - F("executed_lots")))
        .order_by()
    )
    shown = selectors.shown_lots()
    for market_id, side, price_ticks, lots in rows:
        visible = shown.get((market_id, side, price_ticks), int(lots))
        levels.setdefault(market_id, {}).setdefault(side, []).append((price_ticks, visible))
    return levels


def _market_start(
    market: Market,
    figures: MarketFigures | None,
    levels: dict[str, list[tuple[int, int]]],
    at_ms: int,
    auction: Auction | None,
) -> MarketStart:
    return MarketStart(
        spec=market.spec(),
        update_id=figures.book_update_id if figures else 0,
        at_ms=at_ms,
        bids=levels.get(Side.BID, []),
        asks=levels.get(Side.ASK, []),
        last_ticks=figures.last_price_ticks if figures else None,
        minutes=_candles(market.pk, DAY_BUCKET, at_ms, DAY_BUCKETS),
        hours=_candles(market.pk, WEEK_BUCKET, at_ms, WEEK_BUCKETS),
        running=_running(market.pk, at_ms),
        trades=_trades(market),
        mode=_mode(market, auction),
    )


def _mode(market: Market, auction: Auction | None) -> MarketMode:
    """An auction that runs is the newest news; a halted one is over without an end."""
    if auction is None or market.state != MarketState.AUCTION:
        since_ms = 0 if market.state_since is None else ms_of(market.state_since)
        return MarketMode(market.symbol, market.state, since_ms, reason=market.state_reason)
    return MarketMode(
        market.symbol,
        market.state,
        ms_of(auction.started_at),
        True,
        None if auction.ends_at is None else ms_of(auction.ends_at),
        auction.reason,
        auction.price_ticks,
        auction.lots,
        auction.surplus_lots,
    )


def _candles(market_id: int, interval: str, at_ms: int, count: int) -> list[tuple[int, Candle]]:
    since = datetime_of(at_ms) - timedelta(milliseconds=FIXED_MS[interval] * count)
    rows = Kline.objects.filter(market_id=market_id, interval=interval, start__gte=since).order_by("start")
    return [(ms_of(row.start), _candle(row)) for row in rows]


def _running(market_id: int, at_ms: int) -> dict[str, tuple[int, Candle]]:
    """The candle of each interval that the checkpoint's moment falls into, where it has a trade."""
    running: dict[str, tuple[int, Candle]] = {}
    for interval in INTERVALS:
        start_ms = start_of(interval, at_ms)
        row = Kline.objects.filter(market_id=market_id, interval=interval, start=datetime_of(start_ms)).first()
        if row is not None:
            running[interval] = (start_ms, _candle(row))
    return running


def _candle(row: Kline) -> Candle:
    return Candle(
        row.open_ticks,
        row.high_ticks,
        row.low_ticks,
        row.close_ticks,
        row.volume_lots,
        int(row.quote_units),
        row.trades,
        row.last_seq,
    )


def _trades(market: Market) -> list[PublicTrade]:
    rows = Trade.objects.filter(market_id=market.pk).order_by("-trade_id")[:TRADES_KEPT]
    return [_public_trade(market.symbol, row) for row in reversed(rows)]


def _public_trade(symbol: str, row: Trade) -> PublicTrade:
    maker, taker = row.maker_order_id, row.taker_order_id
    return PublicTrade(
        symbol,
        row.trade_id,
        ms_of(row.at),
        row.price_ticks,
        row.quantity_lots,
        row.quote_units,
        row.buyer_is_maker,
        maker if row.buyer_is_maker else taker,
        taker if row.buyer_is_maker else maker,
    )


def _terms(row: Order, symbols: dict[int, str]) -> OrderTerms:
    return OrderTerms(
        row.pk,
        row.account_id,
        symbols[row.market_id],
        Side(row.side),
        OrderType(row.order_type),
        row.price_ticks,
        row.quantity_lots,
        row.quote_units,
        TimeInForce(row.time_in_force),
        row.post_only,
        SelfTradePrevention(row.self_trade_prevention),
        row.client_id,
        row.terms(),
    )
