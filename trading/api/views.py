"""Reading own orders and fills. Placing and cancelling are on the fast lane."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from exchange_site.kernel.api_view import PrivateView, paging_headers
from exchange_site.kernel.errors import RESOURCE_NOT_FOUND, ApiError
from marketdata.api import params as market_params
from marketdata.selectors import market_specs
from matching.messages import MAX_INT
from matching.symbols import MarketSpec
from trading import inputs, selectors
from trading.api import params
from trading.api.freshness import wait_for_own_writes
from trading.api.json import fill_object, history_order, order_object, view_of
from trading.models import Fill, Order


def with_symbol(query: dict[str, str]) -> dict[str, str]:
    """On aliases `market` is another word for `symbol`."""
    return {"symbol": query["market"], **query} if "market" in query else query


class OneOrder(PrivateView):
    """An open order by id or client id; everything else is not found."""

    def get(self, request: Request) -> Response:
        ref = inputs.OrderRef.from_data(self.query(), market_specs())
        headers = wait_for_own_writes()
        rows = Order.objects.filter(account_id=request.user.account_id, status__in=selectors.OPEN)
        if ref.order_id is not None:
            rows = rows.filter(pk=ref.order_id)
        else:
            rows = rows.filter(client_id=ref.client_id)
        row = rows.filter(market__symbol=ref.spec.symbol).select_related("market").first()
        if row is None:
            raise ApiError(RESOURCE_NOT_FOUND)
        return self.answer(order_object(view_of(row), ref.spec), headers)


class OrderById(PrivateView):
    """An open order by the id in the path; a symbol is optional and has to fit."""

    def get(self, request: Request, order_id: str) -> Response:
        query = with_symbol(self.query())
        specs = market_specs()
        symbol = inputs.market_of(query, specs).symbol if query.get("symbol") else None
        if not order_id.isascii() or not order_id.isdigit() or len(order_id) > 19 or int(order_id) > MAX_INT:
            raise ApiError(RESOURCE_NOT_FOUND)
        headers = wait_for_own_writes()
        row = (
            Order.objects.filter(pk=int(order_id), account_id=request.user.account_id, status__in=selectors.OPEN)
            .select_related("market")
            .first()
        )
        if row is None or (symbol is not None and row.market.symbol != symbol):
            raise ApiError(RESOURCE_NOT_FOUND)
        return self.answer(order_object(view_of(row), specs[row.market.symbol]), headers)


class OpenOrders(PrivateView):
    """All of them, newest first, without paging."""

    def get(self, request: Request) -> Response:
        query = self.query()
        if not market_params.wants_spot(self.query_pairs()):
            return self.answer([])
        market_id = params.market_id(query)
        headers = wait_for_own_writes()
        specs = market_specs()
        rows = selectors.open_orders(request.user.account_id, market_id)
        return self.answer([order_object(view_of(row), specs[row.market.symbol]) for row in rows], headers)


class _History(PrivateView):
    """Pages of rows of this account, newest first unless asked otherwise."""

    def page(self, rows: "QuerySet[Any]", query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        limit, offset = market_params.limit(query), market_params.offset(query)
        market_id = params.market_id(query)
        if market_id is not None:
            rows = rows.filter(market_id=market_id)
        direction = params.ordering(query)
        headers = wait_for_own_writes()
        headers |= paging_headers(params.bounded_count(rows), limit, offset)
        return list(rows.order_by(direction)[offset : offset + limit]), headers

    def specs_of(self, rows: list[Any]) -> dict[int, MarketSpec]:
        """By market id: rows of a market that is no longer listed have to be readable too."""
        return {row.market_id: row.market.spec() for row in {row.market_id: row for row in rows}.values()}


class OrderHistory(_History):
    def get(self, request: Request) -> Response:
        query = self.query()
        if not market_params.wants_spot(self.query_pairs()):
            return self.answer([], paging_headers(0, market_params.limit(query), 0))
        rows = Order.objects.filter(account_id=request.user.account_id)
        if (order_id := params.order_id(query)) is not None:
            rows = rows.filter(pk=order_id)
        found, headers = self.page(rows.select_related("market__base", "market__quote"), query)
        specs = self.specs_of(found)
        return self.answer([history_order(view_of(row), specs[row.market_id]) for row in found], headers)


class FillHistory(_History):
    """`from` is inclusive, `to` exclusive. There are only fills that users made."""

    def get(self, request: Request) -> Response:
        query = self.query()
        fill_types = [value for key, value in self.query_pairs() if key == "fillType" and value]
        if (fill_types and "User" not in fill_types) or not market_params.wants_spot(self.query_pairs()):
            return self.answer([], paging_headers(0, market_params.limit(query), 0))
        rows = Fill.objects.filter(account_id=request.user.account_id)
        if (order_id := params.order_id(query)) is not None:
            rows = rows.filter(order_id=order_id)
        start, end = params.window(query)
        if start is not None:
            rows = rows.filter(at__gte=start)
        if end is not None:
            rows = rows.filter(at__lt=end)
        found, headers = self.page(rows.select_related("market__base", "market__quote", "fee_asset"), query)
        specs = self.specs_of(found)
        return self.answer([fill_object(row, specs[row.market_id]) for row in found], headers)
