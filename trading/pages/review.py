"""The review page of a plain form: the order in words, what it would do now, and what to think about first."""

from django.utils.translation import gettext, gettext_noop

from accounts.selectors import balances
from marketdata import figures
from marketdata.models import Market
from matching.messages import OrderType, Side, TimeInForce
from matching.symbols import MarketSpec
from trading import selectors
from trading.inputs import OcoInput, PlaceOrderInput
from trading.pages.preview import Levels, preview

LEVELS = 500
_UNTIL = {
    TimeInForce.GTC: gettext_noop("Until cancelled"),
    TimeInForce.IOC: gettext_noop("Now or cancel the rest"),
    TimeInForce.FOK: gettext_noop("All now or nothing"),
    TimeInForce.GTD: gettext_noop("Until a date"),
}

Facts = list[tuple[str, str]]


def facts_of(wish: PlaceOrderInput | OcoInput, account_id: int) -> dict[str, object]:
    """The context of the page: `title`, `orders` (facts of each), `fate`, `preview` (facts), `warnings`, `side`."""
    first = wish.first if isinstance(wish, OcoInput) else wish
    spec, buying = first.spec, first.side is Side.BID
    asset = spec.quote if buying else spec.base
    held = next((each for each in balances(account_id) if each.asset.symbol == asset.symbol), None)
    have = held.available_units if held else 0
    context: dict[str, object] = {
        "title": _title(first),
        "side": "buy" if buying else "sell",
        "orders": [_facts(each) for each in ([wish.first, wish.second] if isinstance(wish, OcoInput) else [wish])],
        "available": f"{figures.grouped(figures.at_least(asset.format(have), 2))} {asset.symbol}",
    }
    if isinstance(wish, OcoInput):
        return context | {
            "fate": gettext("Both wait. When one trades or fires, the other is cancelled."),
            "warnings": [],
        }
    if _waits(wish):
        return context | {
            "fate": gettext("It waits outside the book until its trigger. No money is held."),
            "warnings": [],
        }
    market = Market.objects.get(symbol=spec.symbol)
    book: dict[Side, Levels] = {side: selectors.book_levels(market.pk, side, LEVELS) for side in (Side.BID, Side.ASK)}
    fees = selectors.fees_of(account_id, market.pk) or (market.maker_fee_ppm, market.taker_fee_ppm)
    stop_ticks = _own_best(account_id, market.pk, buying)
    seen = preview(spec, wish, book, fees, have, stop_ticks)
    got, given = (spec.base, spec.quote) if buying else (spec.quote, spec.base)
    after = have - seen.need_units
    average = "—" if seen.average_ticks is None else figures.grouped(spec.format_price_padded(seen.average_ticks))
    context["preview"] = [
        (gettext("Average price"), f"{average} {spec.quote.symbol}"),
        (gettext("Slippage"), f"{seen.slippage_ppm / 10_000:.2f}\N{NARROW NO-BREAK SPACE}%"),
        (gettext("Fee"), f"{figures.grouped(got.format(seen.fee_units))} {got.symbol}"),
        (
            gettext("You receive"),
            f"{figures.grouped(figures.at_least(got.format(seen.receive_units), 2))} {got.symbol}",
        ),
        (
            gettext("{asset} after").format(asset=given.symbol),
            "—" if after < 0 else figures.grouped(figures.at_least(given.format(after), 2)),
        ),
    ]
    return context | {"fate": seen.fate, "warnings": seen.warnings}


def _waits(wish: PlaceOrderInput) -> bool:
    terms = wish.terms
    return terms is not None and (terms.trigger_price_ticks is not None or terms.trailing_ticks is not None)


def _own_best(account_id: int, market_id: int, buying: bool) -> int | None:
    """The best price of the account's own orders on the other side: matching ends there (RejectTaker)."""
    other = Side.ASK.value if buying else Side.BID.value
    own = [
        order.price_ticks
        for order in selectors.open_orders(account_id, market_id)
        if order.side == other and order.status in selectors.IN_BOOK and order.price_ticks is not None
    ]
    return (min(own) if buying else max(own)) if own else None


def _title(wish: PlaceOrderInput) -> str:
    spec, verb = wish.spec, gettext("Buy {what}") if wish.side is Side.BID else gettext("Sell {what}")
    if wish.quantity_lots is not None:
        return verb.format(what=f"{spec.format_quantity_padded(wish.quantity_lots)} {spec.base.symbol}")
    assert wish.quote_units is not None
    return verb.format(what=gettext("for {money}").format(money=_money(spec, wish.quote_units)))


def _facts(wish: PlaceOrderInput) -> Facts:
    spec, quote = wish.spec, wish.spec.quote.symbol

    def price(ticks: int) -> str:
        return f"{figures.grouped(spec.format_price_padded(ticks))} {quote}"

    facts: Facts = [(gettext("Type"), gettext("Limit") if wish.order_type is OrderType.LIMIT else gettext("Market"))]
    if wish.price_ticks is not None:
        facts.append((gettext("Price"), price(wish.price_ticks)))
    if wish.quantity_lots is not None:
        facts.append((gettext("Amount"), f"{spec.format_quantity_padded(wish.quantity_lots)} {spec.base.symbol}"))
    if wish.price_ticks is not None and wish.quantity_lots is not None:
        facts.append((gettext("Total"), _money(spec, spec.notional_units(wish.price_ticks, wish.quantity_lots))))
    if wish.quote_units is not None:
        facts.append((gettext("Total"), _money(spec, wish.quote_units)))
    if wish.order_type is OrderType.LIMIT or wish.time_in_force is TimeInForce.GTD:
        facts.append((gettext("Until"), gettext(_UNTIL[wish.time_in_force])))
    if wish.post_only:
        facts.append((gettext("Post-only"), gettext("Yes")))
    return facts + _term_facts(wish)


def _money(spec: MarketSpec, units: int) -> str:
    return f"{figures.grouped(figures.at_least(spec.format_quote(units), 2))} {spec.quote.symbol}"


def _term_facts(wish: PlaceOrderInput) -> Facts:
    terms, spec = wish.terms, wish.spec
    if terms is None:
        return []
    named = (
        (gettext("Trigger"), terms.trigger_price_ticks),
        (gettext("Trails by"), terms.trailing_ticks),
        (gettext("Take-profit at"), terms.take_profit.trigger_price_ticks if terms.take_profit else None),
        (gettext("Stop-loss at"), terms.stop_loss.trigger_price_ticks if terms.stop_loss else None),
    )
    facts = [
        (name, f"{figures.grouped(spec.format_price_padded(ticks))} {spec.quote.symbol}")
        for name, ticks in named
        if ticks is not None
    ]
    if terms.display_lots is not None:
        facts.append((gettext("Shows"), f"{spec.format_quantity_padded(terms.display_lots)} {spec.base.symbol}"))
    return facts
