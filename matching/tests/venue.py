"""A venue for scenarios: one market, a few people, and the model looking on.

Every line of a scenario (`matching.tests.language`) goes to the engine and to the model; both must say the same, and
afterwards all invariants of the engine are checked. What happened is told in short words: `answer` (of the last line),
`news` (its events), `trades` (all so far), `book`, `open`, `available`, `locked`.
"""

from matching.core.engine import Applied, Engine
from matching.messages import (
    AuctionEnded,
    AuctionIndicated,
    BatchReply,
    CancelAfterSet,
    Command,
    CreditAccount,
    DeadlineReply,
    Event,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketStateChanged,
    OrderAccepted,
    OrderChange,
    OrderChanged,
    OrderEnded,
    OrderReply,
    OrdersReply,
    OrderView,
    Refused,
    Reply,
    Side,
    TradeMade,
)
from matching.tests.language import ASSETS, SOL, SPEC, STAFF, USDC, milliseconds, parse
from matching.tests.side_by_side import SideBySide

__all__ = ["SOL", "SPEC", "STAFF", "USDC", "Venue"]


class Venue:
    def __init__(self, maker_fee_ppm: int = 0, taker_fee_ppm: int = 0, max_open_orders: int = 200) -> None:
        self.both = SideBySide()
        self.people: dict[str, int] = {}
        self.trades: list[str] = []
        self.news: list[str] = []
        self.at_ms = 0
        self.answers: list[Applied] = []
        self.both.listener = self._hear
        for asset in (SOL, USDC):
            self.send(ListAsset(symbol=asset.symbol, decimals=asset.decimals, **STAFF))
            self.send(FundHouse(asset=asset.symbol, units=10**17, reference="test", **STAFF))
        self.send(
            ListMarket(
                symbol=SPEC.symbol,
                base="SOL",
                quote="USDC",
                base_units_per_lot=SPEC.base_units_per_lot,
                quote_units_per_tick_lot=SPEC.quote_units_per_tick_lot,
                min_quantity_lots=SPEC.min_quantity_lots,
                max_open_orders=max_open_orders,
                maker_fee_ppm=maker_fee_ppm,
                taker_fee_ppm=taker_fee_ppm,
                **STAFF,
            )
        )

    @property
    def engine(self) -> Engine:
        return self.both.engine

    def send(self, command: Command) -> Applied:
        """One command, a millisecond after the last."""
        self.at_ms += 1
        self.news = []
        applied = self.both.send(command, self.at_ms)
        self.both.check_everything()
        return applied

    def fund(self, name: str, **amounts: str) -> "Venue":
        account_id = self.people.setdefault(name, 1001 + len(self.people))
        for symbol, amount in amounts.items():
            units = ASSETS[symbol].parse(amount)
            self.send(CreditAccount(account_id=account_id, asset=symbol, units=units, reference="test", **STAFF))
        return self

    def run(self, *lines: str) -> str:
        """Each line's answer is kept; that of the last is returned in words (`status executed` or the refusal)."""
        for line in lines:
            self.answers.append(self.send(self.parse(line)))
        return self.answer

    def parse(self, line: str) -> Command:
        return parse(line, self.people, self.at_ms)

    def advance(self, duration: str) -> list[str]:
        """Let time pass (`60s`, `250ms`); returns what the clock did."""
        self.at_ms += milliseconds(duration)
        self.news = []
        self.both.pass_time(self.at_ms)
        self.both.check_everything()
        return self.news

    # ----------------------------------------------------------------------------------------------- what one can see

    @property
    def answer(self) -> str:
        return self._reply_in_words(self.answers[-1].reply)

    def _reply_in_words(self, reply: Reply) -> str:
        if isinstance(reply, Refused):
            return reply.reason.value
        if isinstance(reply, OrderReply):
            return self._order_in_words(reply.order)
        if isinstance(reply, OrdersReply):
            return ", ".join(f"{order.order_id} {self._order_in_words(order)}" for order in reply.orders)
        if isinstance(reply, BatchReply):
            return " ; ".join(self._reply_in_words(step) for step in reply.replies)
        if isinstance(reply, DeadlineReply):
            return "off" if reply.deadline_ms is None else f"on until {reply.deadline_ms}"
        return type(reply).__name__

    def _order_in_words(self, order: OrderView) -> str:
        why = f" ({order.end_reason.value})" if order.end_reason else ""
        return f"{order.status.value} {SPEC.format_quantity(order.executed_lots)}{why}"

    @property
    def book(self) -> list[str]:
        """What everybody sees, best first on both sides: asks, then bids."""
        bids, asks = self.both.books.get(SPEC.symbol, ({}, {}))
        rows = [("ask", price, asks[price]) for price in sorted(asks)]
        rows += [("bid", price, bids[price]) for price in sorted(bids, reverse=True)]
        return [f"{side} {SPEC.format_price(price)} x {SPEC.format_quantity(lots)}" for side, price, lots in rows]

    def open(self, name: str) -> list[str]:
        """Somebody's open orders, oldest first: `3 sell 2 @ 100 New`; the quantity is what is left."""
        views = sorted(self.engine.open_order_views(), key=lambda view: view.order_id)
        return [self._open_in_words(view) for view in views if view.account_id == self.people[name]]

    def _open_in_words(self, view: OrderView) -> str:
        verb = "buy" if view.side is Side.BID else "sell"
        amount = "for " + SPEC.format_quote(view.quote_units) if view.quantity_lots is None else ""
        amount = amount or SPEC.format_quantity(view.quantity_lots - view.executed_lots)
        price = "at market" if view.price_ticks is None else f"@ {SPEC.format_price(view.price_ticks)}"
        return f"{view.order_id} {verb} {amount} {price} {view.status.value}"

    def available(self, name: str) -> dict[str, str]:
        return self._amounts(name, 0)

    def locked(self, name: str) -> dict[str, str]:
        return self._amounts(name, 1)

    def _amounts(self, name: str, which: int) -> dict[str, str]:
        account_id = {"house": 1, "fees": 2, **self.people}[name]
        rows = {symbol: self.both.balances.get((account_id, symbol), (0, 0))[which] for symbol in ASSETS}
        return {symbol: ASSETS[symbol].format(units) for symbol, units in rows.items() if units}

    # -------------------------------------------------------------------------------------------------- what happened

    def _hear(self, event: Event) -> None:
        names = {number: name for name, number in self.people.items()}
        if isinstance(event, TradeMade):
            maker, taker = names[event.maker_account_id], names[event.taker_account_id]
            lots, price = SPEC.format_quantity(event.quantity_lots), SPEC.format_price(event.price_ticks)
            self.trades.append(f"{lots} @ {price} maker={maker} taker={taker}")
            self.news.append(self.trades[-1])
        elif isinstance(event, OrderAccepted):
            self.news.append(f"{names[event.account_id]} {event.order_id} Accepted")
        elif isinstance(event, OrderEnded):
            who = f"{names[event.account_id]} {event.order_id}"
            self.news.append(f"{who} {event.status.value} ({event.reason.value})")
        elif isinstance(event, OrderChanged):
            why = f" ({event.order.end_reason.value})" if event.change is OrderChange.TRIGGER_FAILED else ""
            self.news.append(f"{names[event.order.account_id]} {event.order.order_id} {event.change.value}{why}")
        elif isinstance(event, MarketStateChanged):
            self.news.append(f"market {event.state.value}")
        elif isinstance(event, AuctionIndicated):
            self.news.append("indicates " + self._price_in_words(event) + self._surplus_in_words(event.surplus_lots))
        elif isinstance(event, AuctionEnded):
            self.news.append("uncrossed " + self._price_in_words(event))
        elif isinstance(event, CancelAfterSet):
            self.news.append(f"{names[event.account_id]} switch {'off' if event.deadline_ms is None else 'on'}")

    def _price_in_words(self, event: AuctionIndicated | AuctionEnded) -> str:
        if event.price_ticks is None:
            return "nothing"
        return f"{SPEC.format_price(event.price_ticks)} x {SPEC.format_quantity(event.lots)}"

    def _surplus_in_words(self, lots: int) -> str:
        if lots == 0:
            return ""
        return f" {'+' if lots > 0 else '-'}{SPEC.format_quantity(abs(lots))}"
