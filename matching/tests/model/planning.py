"""What an order would do to the book if it were matched now. Nothing is touched: the plan is a list of steps."""

from dataclasses import dataclass

from matching.messages import EndReason, OrderType, SelfTradePrevention, Side
from matching.tests.model.bounds import worst_price
from matching.tests.model.records import Market, Order


@dataclass
class Step:
    """`trade`, `cancel` or `shrink` (both lose lots without a trade) with one resting order."""

    what: str
    maker: Order
    lots: int


@dataclass
class Plan:
    steps: list[Step]
    stopped_by: EndReason | None  # None: all of it is done, or (see `book_ended`) nothing more to meet.
    done: bool  # Nothing is left of the order.

    @property
    def lots(self) -> int:
        return sum(step.lots for step in self.steps if step.what == "trade")

    def worth(self, market: Market) -> int:
        return sum(market.notional(step.maker.price, step.lots) for step in self.steps if step.what == "trade")


def would_meet(market: Market, order: Order) -> list[Order]:
    """The other side's orders in the order in which they would trade, as far as the order's own limit goes."""
    queue = market.queue(Side.ASK if order.is_bid else Side.BID)
    if order.order_type is OrderType.MARKET:
        return queue
    return [maker for maker in queue if (maker.price <= order.price if order.is_bid else maker.price >= order.price)]


def make_plan(market: Market, order: Order, now_ms: int) -> Plan:
    parts = [[maker, maker.shown, maker.left - maker.shown] for maker in would_meet(market, order)]
    worst = worst_price(market, order, now_ms)
    left = None if order.quantity is None else order.left
    budget = order.quote_units
    steps: list[Step] = []
    while parts:
        maker, shown, _hidden = parts[0]
        notional = market.notional(maker.price, 1)
        if worst is not None and (maker.price > worst[0] if order.is_bid else maker.price < worst[0]):
            return Plan(steps, worst[1], done=False)
        if maker.account_id == order.account_id:
            prevention = order.prevention
            if prevention is SelfTradePrevention.DECREMENT:
                lots = min(left, shown)
                steps.append(Step("shrink", maker, lots))
                left -= lots
                use_up(parts, lots)
                if left == 0:
                    return Plan(steps, EndReason.SELF_TRADE_PREVENTION, done=False)
                continue
            if prevention is not SelfTradePrevention.REJECT_TAKER:
                steps.append(Step("cancel", maker, 0))
                del parts[0]
            if prevention is not SelfTradePrevention.REJECT_MAKER:
                return Plan(steps, EndReason.SELF_TRADE_PREVENTION, done=False)
            continue
        lots = shown if left is None else min(left, shown)
        if budget is not None:
            lots = min(lots, budget // notional)
            if lots == 0:
                break
            budget -= lots * notional
        steps.append(Step("trade", maker, lots))
        use_up(parts, lots)
        if left is not None:
            left -= lots
        if left == 0 or budget == 0:
            return Plan(steps, None, done=True)
        if budget is not None and parts and budget < market.notional(parts[0][0].price, 1):
            return Plan(steps, None, done=True)
    return Plan(steps, None, done=False)


def use_up(parts: list[list], lots: int) -> None:
    """The first order's displayed part shrinks; when it is used up, the next part goes to the end of its price."""
    maker, shown, hidden = parts[0]
    parts[0][1] = shown - lots
    if shown > lots:
        return
    del parts[0]
    if hidden:
        following = min(maker.terms.display_lots, hidden)
        behind = sum(1 for other, _shown, _hidden in parts if other.price == maker.price)
        parts.insert(behind, [maker, following, hidden - following])
