"""What a client may ask about orders: a parsed JSON object becomes a typed, checked input, and that a command.

Rules (shape: the public API's): unknown members are ignored, null means absent. Decimals are JSON strings or numbers
and keep their sender's digits; one strict rule (`kernel.money`) takes or refuses them, nothing is rounded. What would
change an order's meaning and is not supported (triggers, attached exits) is refused, never dropped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from exchange_site.kernel.errors import (
    INVALID_CLIENT_REQUEST,
    INVALID_SYMBOL,
    NOT_IMPLEMENTED,
    RESOURCE_NOT_FOUND,
    ApiError,
)
from exchange_site.kernel.strict_json import NumberText
from matching.messages import (
    MAX_INT,
    CancelAllOrders,
    CancelOrder,
    OrderType,
    PlaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from matching.symbols import InvalidNumber, MarketSpec

Data = Mapping[str, Any]
Specs = Mapping[str, MarketSpec]
Word = TypeVar("Word", bound=StrEnum)

MAX_CLIENT_ID = 2**32 - 1
MAX_BATCH = 50
_WHOLE = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_ATTACHED_EXITS = (
    "stopLossTriggerPrice", "stopLossLimitPrice", "stopLossTriggerBy",
    "takeProfitTriggerPrice", "takeProfitLimitPrice", "takeProfitTriggerBy",
)  # fmt: skip


class CancelOrderType(StrEnum):
    RESTING = "RestingLimitOrder"
    CONDITIONAL = "ConditionalOrder"


def _invalid(message: str) -> ApiError:
    return ApiError(INVALID_CLIENT_REQUEST, message)


def _word(data: Data, name: str, words: type[Word], default: Word | None = None) -> Word:
    """One of an enumeration's words, case-sensitive."""
    value = data.get(name)
    if value is None:
        if default is None:
            raise _invalid(f"{name} is missing")
        return default
    if isinstance(value, str) and not isinstance(value, NumberText):
        try:
            return words(value)
        except ValueError:
            pass
    raise _invalid(f"{name} must be one of {', '.join(words)}")


def _decimal(data: Data, name: str) -> str | None:
    """The digits of a decimal member, unchecked; None when absent."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _invalid(f"{name} must be a decimal number")
    return str(value)


def _flag(data: Data, name: str) -> bool:
    value = data.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise _invalid(f"{name} must be true or false")
    return value


def _whole(data: Data, name: str) -> int | None:
    """A whole number, as JSON number or as string of digits."""
    value = data.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise _invalid(f"{name} must be a whole number")
    return int(value)


def _client_id(data: Data) -> int | None:
    client_id = _whole(data, "clientId")
    if client_id is not None and client_id > MAX_CLIENT_ID:
        raise _invalid(f"clientId must be at most {MAX_CLIENT_ID}")
    return client_id


def market_of(data: Data, specs: Specs) -> MarketSpec:
    """The market that `symbol` names. Raises ApiError."""
    symbol = data.get("symbol")
    if symbol is None:
        raise _invalid("symbol is missing")
    if not isinstance(symbol, str) or isinstance(symbol, NumberText):
        raise _invalid("symbol must be a string")
    spec = specs.get(symbol)
    if spec is None:
        raise ApiError(INVALID_SYMBOL)
    return spec


def idempotency_key(value: str | None) -> str | None:
    """The `Idempotency-Key` header. Raises ApiError."""
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise _invalid("Idempotency-Key must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return value


@dataclass(frozen=True, slots=True)
class PlaceOrderInput:
    """One order as a market can take it, in ticks, lots and quote units."""

    spec: MarketSpec
    side: Side
    order_type: OrderType
    price_ticks: int | None
    quantity_lots: int | None
    quote_units: int | None
    time_in_force: TimeInForce
    post_only: bool
    self_trade_prevention: SelfTradePrevention
    client_id: int | None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "PlaceOrderInput":
        """Raises ApiError with a sentence for the client."""
        spec = market_of(data, specs)
        side = _word(data, "side", Side)
        order_type = _word(data, "orderType", OrderType)
        prevention = _word(data, "selfTradePrevention", SelfTradePrevention, SelfTradePrevention.REJECT_TAKER)
        client_id = _client_id(data)
        _refuse_unsupported(data)
        post_only = _flag(data, "postOnly")
        ticks: int | None
        lots: int | None
        quote_units: int | None
        try:
            if order_type is OrderType.LIMIT:
                ticks, lots, quote_units = _limit_numbers(data, spec)
                time_in_force = _word(data, "timeInForce", TimeInForce, TimeInForce.GTC)
            else:
                ticks, lots, quote_units = _market_numbers(data, spec)
                time_in_force = TimeInForce.GTC  # Ignored for a market order, which never rests.
        except InvalidNumber as error:
            raise _invalid(str(error)) from None
        if post_only and (order_type is OrderType.MARKET or time_in_force is not TimeInForce.GTC):
            raise _invalid("postOnly needs a Limit order with timeInForce GTC")
        return cls(spec, side, order_type, ticks, lots, quote_units, time_in_force, post_only, prevention, client_id)

    def command(self, account_id: int, *, key: str | None = None, valid_until_ms: int | None = None) -> PlaceOrder:
        return PlaceOrder(
            account_id=account_id,
            market=self.spec.symbol,
            side=self.side,
            order_type=self.order_type,
            price_ticks=self.price_ticks,
            quantity_lots=self.quantity_lots,
            quote_units=self.quote_units,
            time_in_force=self.time_in_force,
            post_only=self.post_only,
            self_trade_prevention=self.self_trade_prevention,
            client_id=self.client_id,
            idempotency_key=key,
            valid_until_ms=valid_until_ms,
        )


def _refuse_unsupported(data: Data) -> None:
    trigger_price, trigger_quantity = data.get("triggerPrice"), data.get("triggerQuantity")
    if (trigger_price is None) != (trigger_quantity is None):
        raise _invalid("Must specify both `triggerPrice` and `triggerQuantity` or neither")
    if trigger_price is not None:
        raise ApiError(NOT_IMPLEMENTED, "Trigger orders are not supported here yet")
    if any(data.get(name) is not None for name in _ATTACHED_EXITS):
        raise ApiError(NOT_IMPLEMENTED, "Attached take-profit and stop-loss orders are not supported here yet")


def _limit_numbers(data: Data, spec: MarketSpec) -> tuple[int, int, None]:
    """Ticks, lots and no quote amount. Raises InvalidNumber, ApiError."""
    price, quantity = _decimal(data, "price"), _decimal(data, "quantity")
    if price is None:
        raise _invalid("A Limit order needs a price")
    if quantity is None:
        raise _invalid("A Limit order needs a quantity")
    if _decimal(data, "quoteQuantity") is not None:
        raise _invalid("quoteQuantity is for Market orders only")
    ticks, lots = spec.parse_price(price), spec.parse_quantity(quantity)
    if spec.notional_units(ticks, lots) > MAX_INT or lots * spec.base_units_per_lot > MAX_INT:
        raise _invalid("Price times quantity is too large")
    return ticks, lots, None


def _market_numbers(data: Data, spec: MarketSpec) -> tuple[None, int | None, int | None]:
    """No price, and either lots or a quote amount. Raises InvalidNumber, ApiError."""
    quantity, quote_quantity = _decimal(data, "quantity"), _decimal(data, "quoteQuantity")
    if _decimal(data, "price") is not None:
        raise _invalid("A Market order has no price")
    if (quantity is None) == (quote_quantity is None):
        raise _invalid("A Market order needs exactly one of quantity and quoteQuantity")
    if quote_quantity is not None:
        return None, None, spec.parse_quote(quote_quantity)
    assert quantity is not None
    lots = spec.parse_quantity(quantity)
    if lots * spec.base_units_per_lot > MAX_INT:
        raise _invalid("Quantity is too large")
    return None, lots, None


@dataclass(frozen=True, slots=True)
class OrderRef:
    """One order by exactly one of its two names."""

    spec: MarketSpec
    order_id: int | None
    client_id: int | None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "OrderRef":
        """Raises ApiError; a number no order can have is an unknown order."""
        spec = market_of(data, specs)
        order_id, client_id = _whole(data, "orderId"), _client_id(data)
        if (order_id is None) == (client_id is None):
            raise _invalid("Must specify exactly one of orderId and clientId")
        if order_id is not None and not 0 < order_id <= MAX_INT:
            raise ApiError(RESOURCE_NOT_FOUND)
        return cls(spec, order_id, client_id)

    def command(self, account_id: int, *, key: str | None = None) -> CancelOrder:
        return CancelOrder(
            account_id=account_id,
            market=self.spec.symbol,
            order_id=self.order_id,
            client_id=self.client_id,
            idempotency_key=key,
        )


@dataclass(frozen=True, slots=True)
class CancelAllInput:
    spec: MarketSpec
    order_type: CancelOrderType | None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "CancelAllInput":
        """Raises ApiError."""
        spec = market_of(data, specs)
        order_type = None
        if data.get("orderType") is not None:
            order_type = _word(data, "orderType", CancelOrderType)
        return cls(spec, order_type)

    def command(self, account_id: int, *, key: str | None = None) -> CancelAllOrders:
        return CancelAllOrders(account_id=account_id, market=self.spec.symbol, idempotency_key=key)


def batch_from_data(data: Any, specs: Specs) -> list[PlaceOrderInput]:
    """1 to 50 orders; one malformed element refuses all of them. Raises ApiError."""
    if not isinstance(data, list):
        raise _invalid("The body must be a JSON array of orders")
    if not 0 < len(data) <= MAX_BATCH:
        raise _invalid(f"A batch has 1 to {MAX_BATCH} orders")
    inputs = []
    for i, member in enumerate(data):
        if not isinstance(member, dict):
            raise _invalid(f"Order {i + 1}: must be a JSON object")
        try:
            inputs.append(PlaceOrderInput.from_data(member, specs))
        except ApiError as error:
            message = error.message or error.kind.message
            raise ApiError(error.kind, f"Order {i + 1}: {message}") from None
    return inputs
