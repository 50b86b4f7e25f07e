"""The members that few orders have: triggers, attached exits, an end in time, hidden quantity, slippage.

A plain order never comes here: `TERM_MEMBERS` tells, at the cost of one look at its members. What would change an
order's meaning and is not supported is refused, never dropped.
"""

from enum import StrEnum

from exchange_site.kernel.money import NotADecimal, TooManyDecimals, to_units
from matching.messages import MAX_INT, ExitTerms, OrderTerms, OrderType, TimeInForce
from matching.symbols import InvalidNumber, MarketSpec
from trading.input_fields import Data, decimal, invalid, whole, word

TERM_MEMBERS = frozenset(
    {
        "triggerPrice", "triggerQuantity", "triggerBy", "trailingDelta", "expireTime", "displayQuantity",
        "stopLossTriggerPrice", "stopLossLimitPrice", "stopLossTriggerBy", "takeProfitTriggerPrice",
        "takeProfitLimitPrice", "takeProfitTriggerBy", "slippageTolerance", "slippageToleranceType",
    }
)  # fmt: skip
PERCENT_DECIMALS = 4  # A ten-thousandth of a percent is one part per million.
_NO_TERMS = OrderTerms()


class TriggerBy(StrEnum):
    LAST = "LastPrice"
    MARK = "MarkPrice"
    INDEX = "IndexPrice"


class SlippageType(StrEnum):
    TICKS = "TickSize"
    PERCENT = "Percent"


def is_conditional(data: Data) -> bool:
    return data.get("triggerPrice") is not None or data.get("trailingDelta") is not None


def quantity(data: Data) -> str | None:
    """The digits of the quantity: of a conditional order `triggerQuantity`, and `quantity` has to say the same."""
    plain, triggered = decimal(data, "quantity"), decimal(data, "triggerQuantity")
    if triggered is None:
        return plain
    if plain is not None and _number(plain) != _number(triggered):
        raise invalid("quantity and triggerQuantity must be equal, or one of them absent")
    return triggered


def _number(text: str) -> str:
    """Equal for equal decimals; what is none is judged where it is parsed."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def terms_of(data: Data, spec: MarketSpec, order_type: OrderType, time_in_force: TimeInForce) -> OrderTerms | None:
    """None when every one of the members is null. Raises ApiError, InvalidNumber."""
    trigger_ticks, trailing_ticks = _trigger(data, spec)
    slippage_ticks, slippage_ppm = _slippage(data, order_type)
    terms = OrderTerms(
        expires_at_ms=_expiry(data, time_in_force),
        display_lots=_display(data, spec, order_type, time_in_force),
        trigger_price_ticks=trigger_ticks,
        trailing_ticks=trailing_ticks,
        stop_loss=_exit(data, spec, "stopLoss"),
        take_profit=_exit(data, spec, "takeProfit"),
        slippage_ticks=slippage_ticks,
        slippage_ppm=slippage_ppm,
    )
    return None if terms == _NO_TERMS else terms


def _last_price_only(data: Data, name: str) -> None:
    if word(data, name, TriggerBy, TriggerBy.LAST) is not TriggerBy.LAST:
        raise invalid(f"{name} must be LastPrice: a spot market has no mark or index price")


def _trigger(data: Data, spec: MarketSpec) -> tuple[int | None, int | None]:
    """Trigger price and trailing distance in ticks; at most one of them."""
    price, trailing = decimal(data, "triggerPrice"), decimal(data, "trailingDelta")
    _last_price_only(data, "triggerBy")
    if trailing is not None:
        if price is not None:
            raise invalid("triggerPrice and trailingDelta exclude each other")
        return None, _ticks(spec, trailing, "trailingDelta")
    if (price is None) != (data.get("triggerQuantity") is None):
        raise invalid("Must specify both `triggerPrice` and `triggerQuantity` or neither")
    return (None if price is None else _ticks(spec, price, "triggerPrice")), None


def _exit(data: Data, spec: MarketSpec, which: str) -> ExitTerms | None:
    trigger, limit = decimal(data, f"{which}TriggerPrice"), decimal(data, f"{which}LimitPrice")
    _last_price_only(data, f"{which}TriggerBy")
    if trigger is None:
        if limit is not None:
            raise invalid(f"{which}LimitPrice needs {which}TriggerPrice")
        return None
    return ExitTerms(
        trigger_price_ticks=_ticks(spec, trigger, f"{which}TriggerPrice"),
        price_ticks=None if limit is None else _ticks(spec, limit, f"{which}LimitPrice"),
    )


def _ticks(spec: MarketSpec, text: str, name: str) -> int:
    try:
        return spec.parse_price(text)
    except InvalidNumber as error:
        raise invalid(f"{name}: {error}") from None


def _expiry(data: Data, time_in_force: TimeInForce) -> int | None:
    expires_at_ms = whole(data, "expireTime")
    if expires_at_ms is None:
        return None
    if time_in_force is not TimeInForce.GTD:
        raise invalid("expireTime needs timeInForce GTD, and an order that can rest or wait")
    if expires_at_ms > MAX_INT:
        raise invalid("expireTime is too large")
    return expires_at_ms


def _display(data: Data, spec: MarketSpec, order_type: OrderType, time_in_force: TimeInForce) -> int | None:
    text = decimal(data, "displayQuantity")
    if text is None:
        return None
    if order_type is not OrderType.LIMIT or time_in_force not in (TimeInForce.GTC, TimeInForce.GTD):
        raise invalid("displayQuantity needs a Limit order with timeInForce GTC or GTD")
    try:
        lots = spec.parse_quantity(text)
    except InvalidNumber as error:
        raise invalid(f"displayQuantity: {error}") from None
    whole_text = quantity(data)
    if whole_text is not None and lots >= spec.parse_quantity(whole_text):
        raise invalid("displayQuantity must be below the quantity")
    return lots


def _slippage(data: Data, order_type: OrderType) -> tuple[int | None, int | None]:
    """Ticks, or parts per million."""
    text = decimal(data, "slippageTolerance")
    if (text is None) != (data.get("slippageToleranceType") is None):
        raise invalid("Must specify both slippageTolerance and slippageToleranceType or neither")
    if text is None:
        return None, None
    kind = word(data, "slippageToleranceType", SlippageType)
    if order_type is not OrderType.MARKET:
        raise invalid("slippageTolerance is for Market orders only")
    try:
        size = to_units(text, PERCENT_DECIMALS if kind is SlippageType.PERCENT else 0)
    except NotADecimal:
        raise invalid("slippageTolerance must be a plain decimal number") from None
    except TooManyDecimals:
        raise invalid("slippageTolerance decimal too long") from None
    if not 0 < size <= MAX_INT:
        raise invalid("slippageTolerance must be above zero")
    return (None, size) if kind is SlippageType.PERCENT else (size, None)
