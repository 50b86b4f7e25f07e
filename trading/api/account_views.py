"""The account, its money and what it could trade with it."""

from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.selectors import AssetBalance, balances
from exchange_site.kernel.api_view import PrivateView
from exchange_site.kernel.errors import INVALID_ASSET, INVALID_CLIENT_REQUEST, ApiError
from exchange_site.kernel.money import NotADecimal, TooManyDecimals, from_units, to_units
from marketdata import selectors as market_selectors
from marketdata.api import params as market_params
from marketdata.api.views import listed_market
from marketdata.models import Market, MarketFigures
from matching.messages import Side
from matching.symbols import InvalidNumber, MarketSpec
from trading import selectors
from trading.api import params
from trading.api.freshness import wait_for_own_writes
from trading.input_fields import decimal, flag

PPM_DECIMALS_OF_BPS = 2  # One basis point is 100 parts per million.
MARGIN_FLAGS = ("autoBorrowSettlements", "autoLend", "autoRealizePnl", "autoRepayBorrows")
LEVERAGE_DECIMALS = 18


def _basis_points(ppm: int) -> str:
    return from_units(ppm, PPM_DECIMALS_OF_BPS)


class AccountView(PrivateView):
    """Fees are per market here; the account shows those of the first market, for its tier."""

    def get(self, request: Request) -> Response:
        headers = wait_for_own_writes()
        account_id = request.user.account_id
        maker_ppm, taker_ppm = _fees(account_id)
        resting, waiting = selectors.open_counts(account_id)
        answer: dict[str, Any] = dict.fromkeys(MARGIN_FLAGS, False)
        answer |= {
            "borrowLimit": "0",
            "leverageLimit": "1",
            "positionLimit": "0",
            "futuresMakerFee": "0",
            "futuresTakerFee": "0",
            "spotMakerFee": _basis_points(maker_ppm),
            "spotTakerFee": _basis_points(taker_ppm),
            "limitOrders": resting,
            "triggerOrders": waiting,
            "liquidating": False,
        }
        return self.answer(answer, headers)

    def patch(self, request: Request) -> HttpResponse:
        """Settings of margin trading: accepted, without effect, answered with nothing."""
        _check_settings(request.data if request._request.body else {})
        return HttpResponse(b"", content_type="application/json; charset=utf-8", headers={"Cache-Control": "no-store"})


def _check_settings(body: Any) -> None:
    """Raises ApiError: what has no effect has to make sense all the same."""
    if not isinstance(body, dict):
        raise ApiError(INVALID_CLIENT_REQUEST, "The body must be a JSON object")
    for name in MARGIN_FLAGS:
        flag(body, name)
    leverage = decimal(body, "leverageLimit")
    if leverage is None:
        return
    try:
        positive = to_units(leverage, LEVERAGE_DECIMALS) > 0
    except (NotADecimal, TooManyDecimals):
        positive = False
    if not positive:
        raise ApiError(INVALID_CLIENT_REQUEST, "leverageLimit must be a plain decimal number above zero")


def _fees(account_id: int) -> tuple[int, int]:
    markets = market_selectors.listed_markets()
    if not markets:
        return 0, 0
    return selectors.fees_of(account_id, markets[0].pk) or (markets[0].maker_fee_ppm, markets[0].taker_fee_ppm)


class Capital(PrivateView):
    """Every asset of the venue, so that a client never has to guess what a missing one means."""

    def get(self, request: Request) -> Response:
        headers = wait_for_own_writes()
        rows = balances(request.user.account_id)
        return self.answer({row.asset.symbol: _balance_object(row) for row in rows}, headers)


def _balance_object(row: AssetBalance) -> dict[str, str]:
    spec = row.asset.spec()
    return {"available": spec.format(row.available_units), "locked": spec.format(row.locked_units), "staked": "0"}


class Collateral(PrivateView):
    def get(self, request: Request) -> Response:
        zeros = (
            "assetsValue", "borrowLiability", "mmf", "liabilitiesValue", "netEquity", "netEquityAvailable",
            "netEquityLocked", "netExposureFutures", "pnlUnrealized", "unsettledEquity",
        )  # fmt: skip
        return self.answer({**dict.fromkeys(zeros, "0"), "collateral": [], "imf": "1", "marginFraction": None})


def _available(account_id: int, symbol: str) -> AssetBalance:
    """Raises ApiError INVALID_ASSET."""
    for row in balances(account_id):
        if row.asset.symbol == symbol:
            return row
    raise ApiError(INVALID_ASSET)


class MaxOrder(PrivateView):
    """The largest order the account could place: what it has of the base, or what its quote buys."""

    ECHOED = ("reduceOnly", "autoBorrow", "autoBorrowRepay", "autoLendRedeem")

    def get(self, request: Request) -> Response:
        query = self.query()
        market = listed_market(market_params.symbol(query))
        side = Side(market_params.word(query, "side", tuple(Side)))
        spec = market.spec()
        price = query.get("price") or None
        ticks = _price_ticks(market, spec, price)
        headers = wait_for_own_writes()
        lots = 0
        if side is Side.ASK:
            held = _available(request.user.account_id, spec.base.symbol)
            lots = held.available_units // spec.base_units_per_lot
        elif ticks is not None:
            held = _available(request.user.account_id, spec.quote.symbol)
            lots = held.available_units // spec.notional_units(ticks, 1)
        echoed = {name: params.flag(query, name) if name in query else None for name in self.ECHOED}
        answer = {"maxOrderQuantity": spec.format_quantity(lots), "symbol": market.symbol, "side": side.value}
        return self.answer({**answer, "price": price, **echoed}, headers)


def _price_ticks(market: Market, spec: MarketSpec, price: str | None) -> int | None:
    """The price asked about, else the best ask, else the last price. Raises ApiError."""
    if price is not None:
        try:
            return spec.parse_price(price)
        except InvalidNumber as error:
            raise ApiError(INVALID_CLIENT_REQUEST, str(error)) from None
    asks = selectors.book_levels(market.pk, Side.ASK, 1)
    if asks:
        return asks[0][0]
    return MarketFigures.objects.filter(market=market).values_list("last_price_ticks", flat=True).first()


class MaxWithdrawal(PrivateView):
    def get(self, request: Request) -> Response:
        query = self.query()
        headers = wait_for_own_writes()
        row = _available(request.user.account_id, market_params.symbol(query))
        echoed = {n: params.flag(query, n) if n in query else None for n in ("autoBorrow", "autoLendRedeem")}
        quantity = row.asset.spec().format(row.available_units)
        return self.answer({"maxWithdrawalQuantity": quantity, "symbol": row.asset.symbol, **echoed}, headers)


class MaxBorrow(PrivateView):
    def get(self, request: Request) -> Response:
        row = _available(request.user.account_id, market_params.symbol(self.query()))
        return self.answer({"maxBorrowQuantity": "0", "symbol": row.asset.symbol})
