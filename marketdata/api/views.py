"""Public routes that read the database: markets, assets, candles, old trades. The hot ones are in `fast_lane`."""

from rest_framework.request import Request
from rest_framework.response import Response

from exchange_site.kernel.api_view import PublicView
from exchange_site.kernel.clock import datetime_of, now_ms
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from marketdata import selectors
from marketdata.api import params, shapes
from marketdata.intervals import INTERVALS, start_of
from marketdata.models import Kline, Market, Trade

MAX_KLINES = 10_000
MAX_SECONDS = 253_402_300_799  # The end of the year 9999.
PRICE_TYPES = ("Last", "Index", "Mark")


def listed_market(symbol: str) -> Market:
    """Raises ApiError INVALID_SYMBOL."""
    market = (
        Market.objects.filter(symbol=symbol, listed=True).select_related("base", "quote").first()
        if "\0" not in symbol  # PostgreSQL has no text with a NUL in it.
        else None
    )
    if market is None:
        raise params.unknown_symbol()
    return market


class Markets(PublicView):
    def get(self, request: Request) -> Response:
        if not params.wants_spot(self.query_pairs()):
            return self.answer([])
        return self.answer([shapes.market_object(market) for market in selectors.listed_markets()])


class OneMarket(PublicView):
    """The symbol comes in the path, or as a parameter."""

    def get(self, request: Request, symbol: str | None = None) -> Response:
        query = self.query()
        params.wants_spot(self.query_pairs())
        return self.answer(shapes.market_object(listed_market(symbol or params.symbol(query))))


class Klines(PublicView):
    """Oldest first; when there are too many, the oldest are kept."""

    def get(self, request: Request) -> Response:
        query = self.query()
        market = listed_market(params.symbol(query))
        interval = params.word(query, "interval", INTERVALS)
        params.word(query, "priceType", PRICE_TYPES, "Last")
        start_s = params.whole(query, "startTime", most=MAX_SECONDS)
        if start_s is None:
            raise ApiError(INVALID_CLIENT_REQUEST, "startTime is missing")
        end_s = params.whole(query, "endTime", now_ms() // 1000, MAX_SECONDS)
        assert end_s is not None, "there is a default"
        first = datetime_of(max(0, start_of(interval, start_s * 1000)))
        rows = Kline.objects.filter(
            market=market, interval=interval, start__gte=first, start__lte=datetime_of(end_s * 1000)
        ).order_by("start")[:MAX_KLINES]
        spec = market.spec()
        return self.answer([shapes.kline_object(row, spec) for row in rows])


class TradeHistory(PublicView):
    """Newest first."""

    def get(self, request: Request) -> Response:
        query = self.query()
        market = listed_market(params.symbol(query))
        limit, offset = params.limit(query), params.offset(query)
        rows = Trade.objects.filter(market=market).order_by("-trade_id")[offset : offset + limit]
        spec = market.spec()
        return self.answer([shapes.trade_object(row, spec) for row in rows])


class Nothing(PublicView):
    """Routes of products that a spot exchange does not have, which clients call nevertheless."""

    def get(self, request: Request) -> Response:
        return self.answer([])
