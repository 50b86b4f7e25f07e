"""Orders and fills in the shapes of the public API. Integers become text here, and nowhere else on the way out."""

from collections.abc import Mapping
from typing import Any

from exchange_site.kernel.clock import iso_of, ms_of
from exchange_site.kernel.money import from_units
from matching.messages import (
    EndReason,
    ExitTerms,
    OrderStatus,
    OrderTerms,
    OrderType,
    OrderView,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from matching.symbols import MarketSpec
from trading.models import Fill, Order

_UNSET_TRIGGERS: Mapping[str, None] = dict.fromkeys(
    (
        "triggerBy", "triggerPrice", "triggerQuantity",
        "stopLossLimitPrice", "stopLossTriggerBy", "stopLossTriggerPrice",
        "takeProfitLimitPrice", "takeProfitTriggerBy", "takeProfitTriggerPrice",
    )
)  # fmt: skip

_UNSET_REST: Mapping[str, None] = {
    **dict.fromkeys(("reduceOnly", "relatedOrderId", "strategyId", "triggeredAt")),
    **_UNSET_TRIGGERS,
}

TRIGGER_BY = "LastPrice"  # A spot market has no other price to look at.
PERCENT_DECIMALS = 4  # One part per million is a ten-thousandth of a percent.


def view_of(row: Order) -> OrderView:
    """A database row as the engine would have answered it."""
    return OrderView(
        order_id=row.pk,
        account_id=row.account_id,
        market=row.market.symbol,
        side=Side(row.side),
        order_type=OrderType(row.order_type),
        status=OrderStatus(row.status),
        price_ticks=row.price_ticks,
        quantity_lots=row.quantity_lots,
        quote_units=row.quote_units,
        executed_lots=row.executed_lots,
        executed_quote_units=row.executed_quote_units,
        time_in_force=TimeInForce(row.time_in_force),
        post_only=row.post_only,
        self_trade_prevention=SelfTradePrevention(row.self_trade_prevention),
        client_id=row.client_id,
        created_at_ms=ms_of(row.created_at),
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        terms=row.terms(),
        triggered_at_ms=None if row.triggered_at is None else ms_of(row.triggered_at),
        fee_version=row.fee_version,
    )


def _quantity(view: OrderView, spec: MarketSpec) -> str | None:
    """The original quantity; of an order by quote amount what was executed, or null before that."""
    if view.quantity_lots is not None:
        return spec.format_quantity(view.quantity_lots)
    return spec.format_quantity(view.executed_lots) if view.executed_lots else None


def _quote_quantity(view: OrderView, spec: MarketSpec) -> str | None:
    return None if view.quote_units is None else spec.format_quote(view.quote_units)


def _limit_order(view: OrderView, spec: MarketSpec) -> dict[str, Any]:
    """One display for each of the two types, because this is done for every order that is placed."""
    assert view.price_ticks is not None, "a limit order has a price"
    return {
        "id": str(view.order_id),
        "clientId": view.client_id,
        "symbol": view.market,
        "side": view.side,
        "orderType": view.order_type,
        "status": view.status,
        "price": spec.format_price(view.price_ticks),
        "quantity": _quantity(view, spec),
        "executedQuantity": spec.format_quantity(view.executed_lots),
        "executedQuoteQuantity": spec.format_quote(view.executed_quote_units),
        "timeInForce": view.time_in_force,
        "postOnly": view.post_only,
        "selfTradePrevention": view.self_trade_prevention,
        "createdAt": view.created_at_ms,
        **_UNSET_REST,
    }


def _market_order(view: OrderView, spec: MarketSpec) -> dict[str, Any]:
    return {
        "id": str(view.order_id),
        "clientId": view.client_id,
        "symbol": view.market,
        "side": view.side,
        "orderType": view.order_type,
        "status": view.status,
        "quantity": _quantity(view, spec),
        "quoteQuantity": _quote_quantity(view, spec),
        "executedQuantity": spec.format_quantity(view.executed_lots),
        "executedQuoteQuantity": spec.format_quote(view.executed_quote_units),
        "timeInForce": view.time_in_force,
        "selfTradePrevention": view.self_trade_prevention,
        "createdAt": view.created_at_ms,
        **_UNSET_REST,
    }


def order_object(view: OrderView, spec: MarketSpec) -> dict[str, Any]:
    """The order object of the order endpoints: every key, null where unset, `createdAt` in ms."""
    order = _limit_order(view, spec) if view.order_type is OrderType.LIMIT else _market_order(view, spec)
    if view.terms is not None:
        order.update(_terms(view, view.terms, spec), **_slippage(view.terms))
        order["relatedOrderId"] = None if view.terms.related_order_id is None else str(view.terms.related_order_id)
        order["triggeredAt"] = view.triggered_at_ms
    return order


def _terms(view: OrderView, terms: OrderTerms, spec: MarketSpec) -> dict[str, Any]:
    """The public API's members for triggers and exits where they are set, and ours for what it does not have."""
    members: dict[str, Any] = {}
    if terms.trigger_price_ticks is not None or terms.trailing_ticks is not None:
        members["triggerBy"] = TRIGGER_BY
        members["triggerQuantity"] = _quantity(view, spec)
    if terms.trigger_price_ticks is not None and not _moves(view, terms):
        members["triggerPrice"] = spec.format_price(terms.trigger_price_ticks)
    if terms.trailing_ticks is not None:
        members["trailingDelta"] = spec.format_price(terms.trailing_ticks)
    if terms.stop_loss is not None:
        members |= _exit("stopLoss", terms.stop_loss, spec)
    if terms.take_profit is not None:
        members |= _exit("takeProfit", terms.take_profit, spec)
    if terms.expires_at_ms is not None:
        members["expireTime"] = terms.expires_at_ms
    if terms.display_lots is not None:
        members["displayQuantity"] = spec.format_quantity(terms.display_lots)
    return members


def _moves(view: OrderView, terms: OrderTerms) -> bool:
    """The trigger of a trailing order follows each trade until it fires: a number that nobody could rely on."""
    return terms.trailing_ticks is not None and view.status is OrderStatus.TRIGGER_PENDING


def _exit(which: str, terms: ExitTerms, spec: MarketSpec) -> dict[str, Any]:
    return {
        f"{which}TriggerPrice": spec.format_price(terms.trigger_price_ticks),
        f"{which}LimitPrice": None if terms.price_ticks is None else spec.format_price(terms.price_ticks),
        f"{which}TriggerBy": TRIGGER_BY,
    }


def _slippage(terms: OrderTerms | None) -> dict[str, Any]:
    """Empty where there is none."""
    if terms is not None and terms.slippage_ticks is not None:
        return {"slippageTolerance": str(terms.slippage_ticks), "slippageToleranceType": "TickSize"}
    if terms is not None and terms.slippage_ppm is not None:
        percent = from_units(terms.slippage_ppm, PERCENT_DECIMALS)
        return {"slippageTolerance": percent, "slippageToleranceType": "Percent"}
    return {}


def _requested_quote(view: OrderView, spec: MarketSpec) -> str | None:
    """The amount asked for; price times quantity of a limit order."""
    if view.price_ticks is not None and view.quantity_lots is not None:
        return spec.format_quote(spec.notional_units(view.price_ticks, view.quantity_lots))
    return _quote_quantity(view, spec)


def _expiry_reason(view: OrderView) -> str | None:
    if view.end_reason is None or view.end_reason is EndReason.USER:
        return None
    return view.end_reason.value


def history_order(view: OrderView, spec: MarketSpec) -> dict[str, Any]:
    """One row of the order history, which differs from the order object in keys and in its time format."""
    return {
        "id": str(view.order_id),
        "clientId": view.client_id,
        "symbol": view.market,
        "side": view.side.value,
        "orderType": view.order_type.value,
        "status": view.status.value,
        "price": None if view.price_ticks is None else spec.format_price(view.price_ticks),
        "quantity": _quantity(view, spec),
        "quoteQuantity": _requested_quote(view, spec),
        "executedQuantity": spec.format_quantity(view.executed_lots),
        "executedQuoteQuantity": spec.format_quote(view.executed_quote_units),
        "timeInForce": view.time_in_force.value,
        "postOnly": view.post_only,
        "selfTradePrevention": view.self_trade_prevention.value,
        "createdAt": iso_of(view.created_at_ms),
        "expiryReason": _expiry_reason(view),
        "systemOrderType": None,
        "strategyId": None,
        "slippageTolerance": None,
        "slippageToleranceType": None,
        **_slippage(view.terms),
        **_UNSET_TRIGGERS,
        **({} if view.terms is None else _terms(view, view.terms, spec)),
    }


def fill_object(fill: Fill, spec: MarketSpec) -> dict[str, Any]:
    """One side of a trade. Here, and only here, `clientId` is a string."""
    return {
        "tradeId": fill.trade_id,
        "orderId": str(fill.order_id),
        "clientId": None if fill.client_id is None else str(fill.client_id),
        "symbol": spec.symbol,
        "side": fill.side,
        "price": spec.format_price(fill.price_ticks),
        "quantity": spec.format_quantity(fill.quantity_lots),
        "fee": fill.fee_asset.spec().format(fill.fee_units),
        "feeSymbol": fill.fee_asset.symbol,
        "isMaker": fill.is_maker,
        "systemOrderType": None,
        "timestamp": iso_of(ms_of(fill.at)),
    }


def error_element(body: Mapping[str, object]) -> dict[str, Any]:
    """The refused element of a batch."""
    return {"operation": "Err", **body}
