"""The `data` of the private streams, exactly as clients know them. Pure.

Amounts are trimmed decimals, times microseconds: `E` when sent, `T` when it happened.
"""

from typing import Any

import orjson

from matching import messages as m
from matching.messages import OrderType, Side
from matching.symbols import AssetSpec, MarketSpec
from trading.user_feed.messages import BalanceUpdate, FillTerms, OrderTerms, OrderUpdate

ORDER_TYPE_WORDS = {OrderType.LIMIT: "LIMIT", OrderType.MARKET: "MARKET"}  # Upper case on this stream, unlike in REST.
TRIGGER_BY = "LastPrice"  # A spot market has no other price to look at.


def order_update(spec: MarketSpec, update: OrderUpdate, now_us: int) -> bytes:
    terms = update.terms
    frame: dict[str, Any] = {
        "e": update.event,
        "E": now_us,
        "T": update.at_ms * 1000,
        "s": terms.market,
        "S": terms.side,
        "o": ORDER_TYPE_WORDS[terms.order_type],
        "i": str(terms.order_id),
    }
    if terms.client_id is not None:
        frame["c"] = terms.client_id
    frame |= {"f": terms.time_in_force, "V": terms.self_trade_prevention, "X": update.status}
    if terms.quantity_lots is not None:
        frame["q"] = spec.format_quantity(terms.quantity_lots)
    if terms.quote_units is not None:
        frame["Q"] = spec.format_quote(terms.quote_units)
    elif terms.price_ticks is not None and terms.quantity_lots is not None:
        frame["Q"] = spec.format_quote(spec.notional_units(terms.price_ticks, terms.quantity_lots))
    if terms.price_ticks is not None:
        frame |= {"p": spec.format_price(terms.price_ticks), "y": terms.post_only}
    fill = update.fill
    if fill is not None:
        frame |= {"l": spec.format_quantity(fill.quantity_lots), "L": spec.format_price(fill.price_ticks)}
    frame |= {
        "z": spec.format_quantity(update.executed_lots),
        "Z": spec.format_quote(update.executed_quote_units),
        "t": None if fill is None else fill.trade_id,
    }
    if fill is not None:
        frame |= _fee(spec, terms.side, fill)
    if update.reason is not None:
        frame["R"] = update.reason
    if terms.extra is not None:
        frame |= _extra(spec, terms, terms.extra, update.status)
    frame |= {"O": "USER", "r": False}
    return orjson.dumps(frame)


def _fee(spec: MarketSpec, side: Side, fill: FillTerms) -> dict[str, Any]:
    """The buyer receives, and pays the fee in, the base asset; the seller the quote asset. A rebate is the reverse."""
    in_base = (side == Side.BID) is (fill.fee_units >= 0)
    asset = spec.base if in_base else spec.quote
    return {"m": fill.is_maker, "n": asset.format(fill.fee_units), "N": asset.symbol}


def _extra(spec: MarketSpec, terms: OrderTerms, extra: m.OrderTerms, status: str) -> dict[str, Any]:
    """Triggers, exits and the related order by the public stream's letters; what is ours has whole words."""
    frame: dict[str, Any] = {}
    moves = extra.trailing_ticks is not None and status == m.OrderStatus.TRIGGER_PENDING  # With each trade.
    if extra.trigger_price_ticks is not None and not moves:
        frame["P"] = spec.format_price(extra.trigger_price_ticks)
    if extra.trigger_price_ticks is not None or extra.trailing_ticks is not None:
        frame["B"] = TRIGGER_BY
        if terms.quantity_lots is not None:
            frame["Y"] = spec.format_quantity(terms.quantity_lots)
    for exit_terms, (trigger, limit, by) in ((extra.take_profit, "ajd"), (extra.stop_loss, "bkg")):
        if exit_terms is not None:
            frame[trigger] = spec.format_price(exit_terms.trigger_price_ticks)
            if exit_terms.price_ticks is not None:
                frame[limit] = spec.format_price(exit_terms.price_ticks)
            frame[by] = TRIGGER_BY
    if extra.related_order_id is not None:
        frame["I"] = str(extra.related_order_id)
    if extra.trailing_ticks is not None:
        frame["trailingDelta"] = spec.format_price(extra.trailing_ticks)
    if extra.display_lots is not None:
        frame["displayQuantity"] = spec.format_quantity(extra.display_lots)
    if extra.expires_at_ms is not None:
        frame["expireTime"] = extra.expires_at_ms
    return frame


def balance_update(update: BalanceUpdate, now_us: int) -> bytes:
    asset = AssetSpec(update.asset, update.decimals)
    return orjson.dumps(
        {
            "e": "balanceUpdate",
            "E": now_us,
            "T": update.at_ms * 1000,
            "a": update.asset,
            "A": asset.format(update.available_units),
            "L": asset.format(update.locked_units),
            "S": "0",
        }
    )
