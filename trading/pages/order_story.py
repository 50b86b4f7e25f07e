"""The story of an order, from its rows: sentences, steps with their moments, facts, and a drawing. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext, gettext_noop, ngettext

from exchange_site.kernel import speech
from marketdata import figures
from matching.messages import EndReason, OrderStatus, Side
from matching.symbols import MarketSpec
from trading.models import Fill, Order
from trading.pages.rows import kind_of, money
from trading.services.refusals import why_ended_of

UNTIL = {
    "GTC": gettext_noop("Until cancelled"),
    "IOC": gettext_noop("Now or cancel the rest"),
    "FOK": gettext_noop("All now or nothing"),
    "GTD": gettext_noop("Until a date"),
}
_PREVENTION = {
    "RejectTaker": gettext_noop("Stop the new one"),
    "RejectMaker": gettext_noop("Cancel the resting one"),
    "RejectBoth": gettext_noop("End both"),
    "Decrement": gettext_noop("Reduce both"),
}
_ENDED = (OrderStatus.CANCELLED.value, OrderStatus.EXPIRED.value, OrderStatus.TRIGGER_FAILED.value)
WIDTH, HEIGHT, PAD = 288, 150, 16  # Of the drawing.


@dataclass(frozen=True, slots=True)
class Step:
    """One moment: `mark` names its sign (`done`, `wait`, `fill`, `end`), `money` what changed hands."""

    time: str
    iso: str
    gap: str
    mark: str
    title: str
    text: str
    money: str = ""


@dataclass(frozen=True, slots=True)
class FillLine:
    time: str
    iso: str
    trade_id: int
    price: str
    amount: str
    value: str
    role: str
    fee: str
    fee_asset: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The price while the order was open, as SVG: a stepped path, the order's line, fills as `(x, y)` and labels."""

    path: str
    line_y: int | None
    marks: list[tuple[int, int]]
    high: str
    low: str
    first: str
    last: str


def is_buy(order: Order) -> bool:
    return order.side == Side.BID.value


def _price(spec: MarketSpec, ticks: int) -> str:
    return figures.grouped(spec.format_price_padded(ticks))


def _amount(spec: MarketSpec, lots: int) -> str:
    return f"{figures.grouped(spec.format_quantity_padded(lots))} {spec.base.symbol}"


def _wanted(order: Order, spec: MarketSpec) -> str:
    if order.quantity_lots is not None:
        return _amount(spec, order.quantity_lots)
    return gettext("for {money}").format(money=money_text(spec, order.quote_units or 0))


def money_text(spec: MarketSpec, units: int) -> str:
    return f"{figures.grouped(money(spec, units))} {spec.quote.symbol}"


def title(order: Order, spec: MarketSpec) -> str:
    """What follows the word Buy or Sell: `12.50 SOL at 168.35 USDC`."""
    if order.price_ticks is None:
        return gettext("{amount} at market").format(amount=_wanted(order, spec))
    price = f"{_price(spec, order.price_ticks)} {spec.quote.symbol}"
    return gettext("{amount} at {price}").format(amount=_wanted(order, spec), price=price)


def subtitle(order: Order) -> str:
    placed = order.created_at
    limit = order.price_ticks is not None
    until = gettext(UNTIL[order.time_in_force]).lower() if limit else gettext("at once")
    moment = f"{placed.day} {placed.strftime('%b %Y, %H:%M:%S')}"
    name, kind = order.market.symbol.replace("_", "/"), kind_of(order).lower()
    said = gettext("{name}, {kind}, {until}. Placed {moment} UTC.")
    return said.format(name=name, kind=kind, until=until, moment=moment)


def summary(order: Order, spec: MarketSpec, fills: list[Fill]) -> str:
    """What happened, in two or three sentences."""
    parts = []
    if order.status == OrderStatus.TRIGGER_PENDING.value:
        waits = gettext("Your order waits outside the book {what}. No money is held for it.")
        return waits.format(what=_waits_for(order, spec))
    if fills:
        makers = sum(fill.is_maker for fill in fills)
        role = gettext("as maker") if makers == len(fills) else gettext("as taker")
        if 0 < makers < len(fills):
            role = gettext("{count} of them as maker").format(count=makers)
        trades = gettext("one trade") if len(fills) == 1 else gettext("{count} trades").format(count=len(fills))
        whole = order.status == OrderStatus.FILLED.value
        waited = fills[0].at - (order.triggered_at or order.created_at)
        if waited < timedelta(seconds=1):
            told = (
                gettext("Your order filled in {trades}, {role}.")
                if whole
                else gettext("Your order traded in part in {trades}, {role}.")
            )
        elif whole:
            told = gettext("Your order waited {time}, then filled in {trades}, {role}.")
        else:
            told = gettext("Your order waited {time}, then traded in part in {trades}, {role}.")
        parts.append(told.format(trades=trades, role=role, time=duration(waited)))
        lots, value = sum(fill.quantity_lots for fill in fills), sum(fill.quote_units for fill in fills)
        fee = gettext(" and ").join(f"{amount} {asset}" for asset, amount in _fees(fills))
        gave, got = money_text(spec, value), _amount(spec, lots)
        if is_buy(order):
            parts.append(gettext("You paid {gave} for {got}; the fee was {fee}.").format(gave=gave, got=got, fee=fee))
        else:
            parts.append(gettext("You sold {got} for {gave}; the fee was {fee}.").format(gave=gave, got=got, fee=fee))
    elif order.status == OrderStatus.NEW.value:
        parts.append(gettext("Your order waits in the book. Nothing has traded yet."))
    if order.status in _ENDED:
        parts.append((gettext("The rest ended: ") if fills else gettext("Nothing was traded. ")) + _why(order))
    elif order.status == OrderStatus.PARTIALLY_FILLED.value:
        parts.append(gettext("The rest waits in the book."))
    return " ".join(parts)


def _why(order: Order) -> str:
    reason = EndReason(order.end_reason) if order.end_reason else None
    if reason is None:
        return gettext("It could not be placed when its trigger was reached.")
    return speech.told(why_ended_of(reason))


def _waits_for(order: Order, spec: MarketSpec) -> str:
    if order.trailing_ticks is not None:
        buying = gettext("until the price has come back by {price} from its lowest")
        selling = gettext("until the price has come back by {price} from its highest")
        return (buying if is_buy(order) else selling).format(price=_price(spec, order.trailing_ticks))
    assert order.trigger_price_ticks is not None, "a pending order has a trigger"
    above, below = gettext("for a trade at or above {price}"), gettext("for a trade at or below {price}")
    return (above if order.fires_above else below).format(price=_price(spec, order.trigger_price_ticks))


def _fees(fills: list[Fill]) -> list[tuple[str, str]]:
    """Asset and amount, in order of the first fill that had it."""
    sums: dict[str, int] = {}
    for fill in fills:
        sums[fill.fee_asset.symbol] = sums.get(fill.fee_asset.symbol, 0) + fill.fee_units
    assets = {fill.fee_asset.symbol: fill.fee_asset for fill in fills}
    return [(symbol, assets[symbol].spec().format(units)) for symbol, units in sums.items()]


def duration(span: timedelta) -> str:
    """`3 minutes and 19 seconds`."""
    seconds = int(span.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    units = [
        (days, ngettext("{count} day", "{count} days", days)),
        (hours, ngettext("{count} hour", "{count} hours", hours)),
        (minutes, ngettext("{count} minute", "{count} minutes", minutes)),
        (seconds % 60, ngettext("{count} second", "{count} seconds", seconds % 60)),
    ]
    words = [name.format(count=count) for count, name in units if count]
    return gettext(" and ").join(words[:2]) if words else gettext("less than a second")


def gap(span: timedelta) -> str:
    """Since the step before: `+0.5 ms`, `+33.7 s`, `+3 m 19 s`."""
    micros = span // timedelta(microseconds=1)
    if micros < 1_000_000:
        return f"+{micros // 1000}.{micros % 1000 // 100} ms"
    seconds = micros // 1_000_000
    if seconds < 60:
        return f"+{seconds}.{micros % 1_000_000 // 100_000} s"
    if seconds < 3600:
        return f"+{seconds // 60} m {seconds % 60} s"
    return f"+{seconds // 3600} h {seconds // 60 % 60} m"


def steps(order: Order, spec: MarketSpec, fills: list[Fill]) -> list[Step]:
    """Oldest first. Moments are the engine's: an order is received and decided in one outcome."""
    told: list[tuple[datetime, str, str, str, str]] = []
    told.append((order.created_at, "done", gettext("Received and checked"), _checked(order, spec), ""))
    entered = order.created_at
    if order.triggered_at is not None:
        entered = order.triggered_at
        told.append(
            (order.triggered_at, "wait", gettext("Trigger reached"), gettext("It was placed like a new order."), "")
        )
    elif order.status == OrderStatus.TRIGGER_PENDING.value:
        told.append(
            (
                order.created_at,
                "wait",
                gettext("Waits for its trigger"),
                gettext("It waits {what}.").format(what=_waits_for(order, spec)),
                "",
            )
        )
    at_once = [fill for fill in fills if fill.at == entered and not fill.is_maker]
    told += [_fill_step(order, spec, fill, fills) for fill in at_once]
    rested = any(fill.is_maker for fill in fills) or order.status in (
        OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value,
    )  # fmt: skip
    rested = rested or order.ahead_lots is not None
    if rested and order.price_ticks is not None:
        joined = gettext("Joined the queue at {price}")
        told.append((entered, "wait", joined.format(price=_price(spec, order.price_ticks)), _queue(order, spec), ""))
    told += [_fill_step(order, spec, fill, fills) for fill in fills if fill not in at_once]
    if order.status in _ENDED:
        words = {"Cancelled": gettext("Cancelled"), "Expired": gettext("Expired")}
        name = words.get(order.status, gettext("Not placed at its trigger"))
        told.append((order.updated_at, "end", name, _why(order), ""))
    before: datetime | None = None
    result = []
    for at, mark, name, text, value in told:
        since = "" if before is None or at <= before else gap(at - before)
        result.append(Step(at.strftime("%H:%M:%S.%f")[:-3], at.isoformat(), since, mark, name, text, value))
        before = at
    return result


def _checked(order: Order, spec: MarketSpec) -> str:
    text = gettext("As {kind} order {number}.").format(kind=kind_of(order).lower(), number=order.pk)
    if order.status == OrderStatus.TRIGGER_PENDING.value or order.triggered_at is not None:
        return " ".join((text, gettext("A waiting order holds no money.")))
    if order.price_ticks is not None and order.quantity_lots is not None:
        if is_buy(order):
            held = money_text(spec, spec.notional_units(order.price_ticks, order.quantity_lots))
        else:
            held = _amount(spec, order.quantity_lots)
        return " ".join((text, gettext("{held} were there for it.").format(held=held)))
    return text


def _queue(order: Order, spec: MarketSpec) -> str:
    if order.ahead_lots is None:
        return gettext("It rested in the book.")
    if order.ahead_lots == 0:
        return gettext("First of its price level: nothing stood ahead of it there.")
    return gettext("{amount} stood ahead of it at this price.").format(amount=_amount(spec, order.ahead_lots))


def _fill_step(order: Order, spec: MarketSpec, fill: Fill, fills: list[Fill]) -> tuple[datetime, str, str, str, str]:
    fee = fill.fee_asset.spec().format(fill.fee_units)
    text = gettext("Maker. Fee {fee}.") if fill.is_maker else gettext("Taker. Fee {fee}.")
    text = text.format(fee=f"{fee} {fill.fee_asset.symbol}")
    if order.status == OrderStatus.FILLED.value and fill is fills[-1]:
        text += gettext(" The order is now complete.")
    name = gettext("Bought {amount} at {price}") if is_buy(order) else gettext("Sold {amount} at {price}")
    name = name.format(amount=_amount(spec, fill.quantity_lots), price=_price(spec, fill.price_ticks))
    return fill.at, "fill", name, text, figures.grouped(money(spec, fill.quote_units))


def facts(order: Order, spec: MarketSpec, fills: list[Fill]) -> list[tuple[str, str]]:
    """The side panel."""
    lots = order.executed_lots
    whole = order.quantity_lots
    percent = f" ({lots * 100 // whole}\N{NARROW NO-BREAK SPACE}%)" if whole else ""
    found = [(gettext("Type"), kind_of(order)), (gettext("Amount"), _wanted(order, spec))]
    found.append((gettext("Filled"), f"{_amount(spec, lots)}{percent}"))
    if order.price_ticks is not None:
        found.append((gettext("Limit price"), _price(spec, order.price_ticks)))
    if lots:
        found.append(
            (gettext("Average price"), _price(spec, order.executed_quote_units // spec.notional_units(1, lots)))
        )
    for name, ticks in (
        (gettext("Trigger"), order.trigger_price_ticks), (gettext("Trails by"), order.trailing_ticks),
        (gettext("Take-profit at"), order.take_profit_trigger_ticks),
        (gettext("Stop-loss at"), order.stop_loss_trigger_ticks),
    ):  # fmt: skip
        if ticks is not None:
            found.append((name, _price(spec, ticks)))
    if order.display_lots is not None:
        found.append((gettext("Shows"), _amount(spec, order.display_lots)))
    if order.price_ticks is not None:
        found.append((gettext("Until"), gettext(UNTIL[order.time_in_force])))
        found.append((gettext("Post-only"), gettext("Yes") if order.post_only else gettext("No")))
    if order.expires_at is not None:
        found.append((gettext("Ends"), order.expires_at.strftime("%d %b %Y %H:%M:%S UTC")))
    found.append((gettext("Own orders"), gettext(_PREVENTION[order.self_trade_prevention])))
    found.append((gettext("Client id"), "—" if order.client_id is None else str(order.client_id)))
    if order.related_order_id is not None:
        found.append((gettext("Exit of order"), str(order.related_order_id)))
    return found


def fill_line(fill: Fill, spec: MarketSpec) -> FillLine:
    return FillLine(
        time=fill.at.strftime("%H:%M:%S.%f")[:-3],
        iso=fill.at.isoformat(),
        trade_id=fill.trade_id,
        price=_price(spec, fill.price_ticks),
        amount=spec.format_quantity_padded(fill.quantity_lots),
        value=money(spec, fill.quote_units),
        role=gettext("Maker") if fill.is_maker else gettext("Taker"),
        fee=fill.fee_asset.spec().format(fill.fee_units),
        fee_asset=fill.fee_asset.symbol,
    )


def sums(fills: list[Fill], spec: MarketSpec) -> dict[str, str]:
    lots, value = sum(fill.quantity_lots for fill in fills), sum(fill.quote_units for fill in fills)
    if not lots:
        return {}
    return {
        "price": _price(spec, value // spec.notional_units(1, lots)),
        "amount": spec.format_quantity_padded(lots),
        "value": money(spec, value),
        "fee": " + ".join(f"{amount} {asset}" for asset, amount in _fees(fills)),
    }


def drawing(order: Order, spec: MarketSpec, fills: list[Fill], prices: list[tuple[float, int]]) -> Drawing | None:
    """None where nothing traded meanwhile. Drawing needs no exactness beyond the pixel, so seconds may be floats."""
    if len(prices) < 2:
        return None
    seen = [ticks for _, ticks in prices] + ([order.price_ticks] if order.price_ticks is not None else [])
    low, high = min(seen), max(seen)
    start, end = prices[0][0], max(prices[-1][0], prices[0][0] + 1)

    def x_of(at_s: float) -> int:
        return round(min(max((at_s - start) / (end - start), 0), 1) * WIDTH)

    def y_of(ticks: int) -> int:
        return PAD + (high - ticks) * (HEIGHT - 2 * PAD) // max(high - low, 1)

    path = f"M{x_of(start)} {y_of(prices[0][1])}" + "".join(f"H{x_of(at)}V{y_of(ticks)}" for at, ticks in prices[1:])
    return Drawing(
        path=path,
        line_y=None if order.price_ticks is None else y_of(order.price_ticks),
        marks=[(x_of(fill.at.timestamp()), min(y_of(fill.price_ticks), HEIGHT)) for fill in fills],
        high=_price(spec, high),
        low=_price(spec, low),
        first=datetime.fromtimestamp(start, tz=order.created_at.tzinfo).strftime("%H:%M:%S"),
        last=datetime.fromtimestamp(end, tz=order.created_at.tzinfo).strftime("%H:%M:%S"),
    )


def form_of(order: Order, spec: MarketSpec) -> dict[str, str]:
    """The query string that fills the order form with this order again."""
    form = {"view": "trade", "side": "buy" if is_buy(order) else "sell"}
    conditional = order.trigger_price_ticks is not None or order.trailing_ticks is not None
    form["type"] = order.order_type.lower()
    if conditional:
        form |= {"type": "trailing" if order.trailing_ticks is not None else "stop", "exec": order.order_type.lower()}
    for name, ticks in (
        ("price", order.price_ticks), ("trigger", order.trigger_price_ticks), ("delta", order.trailing_ticks),
    ):  # fmt: skip
        if ticks is not None:
            form[name] = spec.format_price_padded(ticks)
    if order.quantity_lots is not None:
        form["amount"] = spec.format_quantity_padded(order.quantity_lots)
    if order.post_only:
        form["post_only"] = "1"
    return form
