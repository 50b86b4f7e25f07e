"""The order form of the page, as the wish that the API would have been sent. Pure; numbers are checked by `inputs`.

The form has one set of fields for every kind of order. Fields that the chosen kind does not show are not looked at:
without script they are hidden by the style sheet only, and may still hold what another kind was given.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from exchange_site.kernel.clock import ms_of
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from marketdata import figures
from matching.symbols import MarketSpec

Form = Mapping[str, str]
Wish = dict[str, object]

TYPES = ("limit", "market", "stop", "oco", "trailing")
KEPT = (
    "side", "type", "exec", "price", "trigger", "stop_price", "delta", "amount", "total", "tif", "until", "post_only",
    "iceberg", "display", "exits", "take_profit", "stop_loss",
)  # fmt: skip
"""What a refused form is given back, so that nothing has to be typed again."""


def wish_of(form: Form, spec: MarketSpec) -> Wish | list[Wish]:
    """One order, or the two of a pair. Raises ApiError where the form itself makes no sense."""
    kind = form.get("type", "limit")
    if kind == "market":
        return _start(form, spec) | _market_amount(form) | _exits(form)
    if kind == "stop":
        return _conditional(form, spec) | {"triggerPrice": _number(form, "trigger")} | _trigger_quantity(form)
    if kind == "trailing":
        return _conditional(form, spec) | {"trailingDelta": _number(form, "delta"), "quantity": _number(form, "amount")}
    if kind == "oco":
        return _pair(form, spec)
    return _limit(form, spec) | _iceberg(form) | _exits(form)


def _start(form: Form, spec: MarketSpec) -> Wish:
    return {"symbol": spec.symbol, "side": "Ask" if form.get("side") == "sell" else "Bid"}


def _number(form: Form, name: str) -> str | None:
    """As a plain decimal; what could mean two things stays as it is and is refused by whoever reads it."""
    return figures.entered(form.get(name, "")) or None


def _market_amount(form: Form) -> Wish:
    """The amount where there is one: script fills in the total beside it, a person types one of the two."""
    amount, total = _number(form, "amount"), _number(form, "total")
    return {"orderType": "Market", "quantity" if amount else "quoteQuantity": amount or total}


def _limit(form: Form, spec: MarketSpec) -> Wish:
    return _start(form, spec) | {
        "orderType": "Limit",
        "price": _number(form, "price"),
        "quantity": _number(form, "amount"),
        "postOnly": form.get("post_only") == "1",
        **_until(form),
    }


def _conditional(form: Form, spec: MarketSpec) -> Wish:
    """What is placed once the trigger is passed."""
    if form.get("exec") == "limit":
        return _start(form, spec) | {"orderType": "Limit", "price": _number(form, "price"), **_until(form)}
    return _start(form, spec) | {"orderType": "Market", **(_until(form) if form.get("tif") == "GTD" else {})}


def _trigger_quantity(form: Form) -> Wish:
    return {"triggerQuantity": _number(form, "amount")}


def _pair(form: Form, spec: MarketSpec) -> list[Wish]:
    """A limit order and a stop of the same amount: what trades or fires first cancels the other."""
    stop_price = _number(form, "stop_price")
    limit = _start(form, spec) | {
        "orderType": "Limit", "price": _number(form, "price"), "quantity": _number(form, "amount"),
    }  # fmt: skip
    stop = _start(form, spec) | {"triggerPrice": _number(form, "trigger"), **_trigger_quantity(form)}
    stop |= {"orderType": "Limit", "price": stop_price} if stop_price else {"orderType": "Market"}
    if form.get("tif") == "GTD":
        limit |= _until(form)
        stop |= _until(form)
    return [limit, stop]


def _until(form: Form) -> Wish:
    """How long the order waits. The moment of GTD is UTC, as the page says beside the field."""
    word = form.get("tif", "GTC")
    if word != "GTD":
        return {"timeInForce": word}
    try:
        moment = datetime.fromisoformat(form.get("until", ""))
    except ValueError:
        raise ApiError(INVALID_CLIENT_REQUEST, "Say until when the order waits, as a date and a time in UTC") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return {"timeInForce": "GTD", "expireTime": str(ms_of(aware))}


def _iceberg(form: Form) -> Wish:
    return {"displayQuantity": _number(form, "display")} if form.get("iceberg") == "1" else {}


def _exits(form: Form) -> Wish:
    if form.get("exits") != "1":
        return {}
    return {
        "takeProfitTriggerPrice": _number(form, "take_profit"),
        "stopLossTriggerPrice": _number(form, "stop_loss"),
    }
