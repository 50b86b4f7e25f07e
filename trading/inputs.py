"""What a client may ask about orders: a parsed JSON object becomes a typed, checked input, and that a command.

Whoever asks (REST, WebSocket, pages) comes through here, so that one wish always means one thing. Members are read by
`input_fields`, what few orders have by `input_terms`.
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from exchange_site.kernel.errors import RESOURCE_NOT_FOUND, ApiError
from matching.messages import (
    MAX_BATCH_STEPS,
    MAX_INT,
    AmendOrder,
    Batch,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    OrderKind,
    OrderTerms,
    OrderType,
    PlaceOco,
    PlaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from matching.symbols import InvalidNumber, MarketSpec
from trading.input_fields import Data, Specs, client_id, decimal, flag, invalid, market_of, whole, word
from trading.input_terms import TERM_MEMBERS, is_conditional, quantity, terms_of

MAX_BATCH = MAX_BATCH_STEPS
MAX_CANCEL_AFTER_S = 86_400
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def idempotency_key(value: str | None) -> str | None:
    """The `Idempotency-Key` header. Raises ApiError."""
    if value is None:
        return None
    if not _KEY.fullmatch(value):
        raise invalid("Idempotency-Key must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
    return value


class PlaceOrderInput(NamedTuple):
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
    terms: OrderTerms | None = None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "PlaceOrderInput":
        """Raises ApiError with a sentence for the client."""
        spec = market_of(data, specs)
        side = word(data, "side", Side)
        order_type = word(data, "orderType", OrderType)
        prevention = word(data, "selfTradePrevention", SelfTradePrevention, SelfTradePrevention.REJECT_TAKER)
        number = client_id(data)
        post_only = flag(data, "postOnly")
        time_in_force = TimeInForce.GTC  # Also of a market order: it never rests, so what it says is ignored.
        plain = TERM_MEMBERS.isdisjoint(data)
        amount = decimal(data, "quantity") if plain else quantity(data)
        ticks: int | None
        lots: int | None
        quote_units: int | None
        terms: OrderTerms | None = None
        try:
            if order_type is OrderType.LIMIT:
                ticks, lots, quote_units = _limit_numbers(data, spec, amount)
                time_in_force = word(data, "timeInForce", TimeInForce, TimeInForce.GTC)
            else:
                ticks, lots, quote_units = _market_numbers(data, spec, amount)
                if not plain and is_conditional(data) and data.get("timeInForce") == TimeInForce.GTD:
                    time_in_force = TimeInForce.GTD  # How long it waits.
            if not plain:
                terms = terms_of(data, spec, order_type, time_in_force)
        except InvalidNumber as error:
            raise invalid(str(error)) from None
        if time_in_force is not TimeInForce.GTC or post_only:
            _check_time_in_force(order_type, time_in_force, post_only, terms)
        return cls(
            spec, side, order_type, ticks, lots, quote_units, time_in_force, post_only, prevention, number, terms
        )

    def command(self, account_id: int, *, key: str | None = None, valid_until_ms: int | None = None) -> PlaceOrder:
        return PlaceOrder(  # By position, which is much faster than by name.
            account_id,
            self.spec.symbol,
            self.side,
            self.order_type,
            self.price_ticks,
            self.quantity_lots,
            self.quote_units,
            self.time_in_force,
            self.post_only,
            self.self_trade_prevention,
            self.client_id,
            key,
            valid_until_ms,
            self.terms,
        )


def _check_time_in_force(
    order_type: OrderType, time_in_force: TimeInForce, post_only: bool, terms: OrderTerms | None
) -> None:
    """Raises ApiError for combinations that mean nothing."""
    rests = order_type is OrderType.LIMIT and time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
    if post_only and not rests:
        raise invalid("postOnly needs a Limit order with timeInForce GTC or GTD")
    if time_in_force is TimeInForce.GTD and (terms is None or terms.expires_at_ms is None):
        raise invalid("timeInForce GTD needs expireTime, in milliseconds since 1970")


def _limit_numbers(data: Data, spec: MarketSpec, amount: str | None) -> tuple[int, int, None]:
    """Ticks, lots and no quote amount. Raises InvalidNumber, ApiError."""
    price = decimal(data, "price")
    if price is None:
        raise invalid("A Limit order needs a price")
    if amount is None:
        raise invalid("A Limit order needs a quantity")
    if decimal(data, "quoteQuantity") is not None:
        raise invalid("quoteQuantity is for Market orders only")
    ticks, lots = spec.parse_price(price), spec.parse_quantity(amount)
    if spec.notional_units(ticks, lots) > MAX_INT or lots * spec.base_units_per_lot > MAX_INT:
        raise invalid("Price times quantity is too large")
    return ticks, lots, None


def _market_numbers(data: Data, spec: MarketSpec, amount: str | None) -> tuple[None, int | None, int | None]:
    """No price, and either lots or a quote amount. Raises InvalidNumber, ApiError."""
    quote_quantity = decimal(data, "quoteQuantity")
    if decimal(data, "price") is not None:
        raise invalid("A Market order has no price")
    if (amount is None) == (quote_quantity is None):
        raise invalid("A Market order needs exactly one of quantity and quoteQuantity")
    if quote_quantity is not None:
        return None, None, spec.parse_quote(quote_quantity)
    assert amount is not None
    lots = spec.parse_quantity(amount)
    if lots * spec.base_units_per_lot > MAX_INT:
        raise invalid("Quantity is too large")
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
        order_id, number = whole(data, "orderId"), client_id(data)
        if (order_id is None) == (number is None):
            raise invalid("Must specify exactly one of orderId and clientId")
        if order_id is not None and not 0 < order_id <= MAX_INT:
            raise ApiError(RESOURCE_NOT_FOUND)
        return cls(spec, order_id, number)

    def command(self, account_id: int, *, key: str | None = None) -> CancelOrder:
        return CancelOrder(
            account_id=account_id,
            market=self.spec.symbol,
            order_id=self.order_id,
            client_id=self.client_id,
            idempotency_key=key,
        )


@dataclass(frozen=True, slots=True)
class AmendInput:
    """What to change of an open order; None stays. The quantity is the new total."""

    ref: OrderRef
    price_ticks: int | None
    quantity_lots: int | None
    trigger_price_ticks: int | None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "AmendInput":
        """Raises ApiError."""
        ref = OrderRef.from_data(data, specs)
        price, amount, trigger = decimal(data, "price"), quantity(data), decimal(data, "triggerPrice")
        if price is None and amount is None and trigger is None:
            raise invalid("Must specify at least one of price, quantity and triggerPrice")
        try:
            ticks = None if price is None else ref.spec.parse_price(price)
            lots = None if amount is None else ref.spec.parse_quantity(amount)
            trigger_ticks = None if trigger is None else ref.spec.parse_price(trigger)
        except InvalidNumber as error:
            raise invalid(str(error)) from None
        return cls(ref, ticks, lots, trigger_ticks)

    def command(self, account_id: int, *, key: str | None = None, valid_until_ms: int | None = None) -> AmendOrder:
        return AmendOrder(
            account_id=account_id,
            market=self.ref.spec.symbol,
            order_id=self.ref.order_id,
            client_id=self.ref.client_id,
            price_ticks=self.price_ticks,
            quantity_lots=self.quantity_lots,
            trigger_price_ticks=self.trigger_price_ticks,
            idempotency_key=key,
            valid_until_ms=valid_until_ms,
        )


@dataclass(frozen=True, slots=True)
class CancelAllInput:
    """The account's open orders in a market: of one side and of one kind, or (None) of all."""

    spec: MarketSpec
    kind: OrderKind | None
    side: Side | None = None

    @classmethod
    def from_data(cls, data: Data, specs: Specs) -> "CancelAllInput":
        """Raises ApiError."""
        spec = market_of(data, specs)
        kind = None if data.get("orderType") is None else word(data, "orderType", OrderKind)
        side = None if data.get("side") is None else word(data, "side", Side)
        return cls(spec, kind, side)

    def command(self, account_id: int, *, key: str | None = None) -> CancelAllOrders:
        return CancelAllOrders(
            account_id=account_id, market=self.spec.symbol, idempotency_key=key, side=self.side, kind=self.kind
        )


@dataclass(frozen=True, slots=True)
class CancelAfterInput:
    """Dead man's switch: seconds from now, 0 switches it off."""

    seconds: int

    @classmethod
    def from_data(cls, data: Data) -> "CancelAfterInput":
        """Raises ApiError."""
        seconds = whole(data, "seconds")
        if seconds is None or seconds > MAX_CANCEL_AFTER_S:
            raise invalid(f"seconds must be a whole number from 0 to {MAX_CANCEL_AFTER_S}")
        return cls(seconds)

    def command(self, account_id: int, *, key: str | None = None) -> CancelAfter:
        return CancelAfter(account_id=account_id, after_ms=self.seconds * 1000, idempotency_key=key)


@dataclass(frozen=True, slots=True)
class OcoInput:
    """Two orders of one market, of which one cancels the other."""

    first: PlaceOrderInput
    second: PlaceOrderInput

    @classmethod
    def from_data(cls, data: Any, specs: Specs) -> "OcoInput":
        """Raises ApiError."""
        if not isinstance(data, list) or len(data) != 2:
            raise invalid("The body must be a JSON array of two orders")
        first, second = _orders(data, specs)
        if first.spec.symbol != second.spec.symbol:
            raise invalid("Both orders must be of one market")
        if not any(is_conditional(member) for member in data):
            raise invalid("At least one of the two orders must have triggerPrice or trailingDelta")
        return cls(first, second)

    def command(self, account_id: int, *, key: str | None = None, valid_until_ms: int | None = None) -> PlaceOco:
        return PlaceOco(
            account_id=account_id,
            first=self.first.command(account_id),
            second=self.second.command(account_id),
            idempotency_key=key,
            valid_until_ms=valid_until_ms,
        )


def batch_from_data(data: Any, specs: Specs) -> list[PlaceOrderInput]:
    """1 to 50 orders; one malformed element refuses all of them. Raises ApiError."""
    if not isinstance(data, list):
        raise invalid("The body must be a JSON array of orders")
    if not 0 < len(data) <= MAX_BATCH:
        raise invalid(f"A batch has 1 to {MAX_BATCH} orders")
    return _orders(data, specs)


def batch_command(
    wishes: list[PlaceOrderInput], account_id: int, *, key: str | None = None, valid_until_ms: int | None = None
) -> Batch:
    steps: list[PlaceOrder | CancelOrder | AmendOrder | CancelAllOrders | PlaceOco] = [
        wish.command(account_id) for wish in wishes
    ]
    return Batch(account_id=account_id, steps=steps, idempotency_key=key, valid_until_ms=valid_until_ms)


def _orders(data: list[Any], specs: Specs) -> list[PlaceOrderInput]:
    inputs = []
    for i, member in enumerate(data):
        if not isinstance(member, dict):
            raise invalid(f"Order {i + 1}: must be a JSON object")
        try:
            inputs.append(PlaceOrderInput.from_data(member, specs))
        except ApiError as error:
            message = error.message or error.kind.message
            raise ApiError(error.kind, f"Order {i + 1}: {message}") from None
    return inputs
