"""A small language for scenarios that read like a trader's story.

    alice sell 2 @ 100              a limit order: whole coins, price in quote
    bob buy 1 @ 105 ioc post-only   with any of: ioc, fok, post-only, keep (RejectMaker), both (RejectBoth), id=7
    bob buy 1 / bob buy for 50      a market order by base, by quote
    alice cancel 1 / alice cancel all
    staff state CancelOnly

Amounts are written as people write them; the venue has one market, SOL_USDC, tick 0.01 and step 0.01.
"""

from decimal import Decimal

from matching.core.engine import Applied, Engine
from matching.messages import (
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    OrderReply,
    OrderType,
    PlaceOrder,
    Refused,
    SelfTradePrevention,
    SetMarketState,
    Side,
    TimeInForce,
    TradeMade,
)
from matching.symbols import AssetSpec, market_spec

STAFF = {"actor": "test", "reason": "scenario"}
SOL, USDC = AssetSpec("SOL", 9), AssetSpec("USDC", 6)
SPEC = market_spec("SOL_USDC", SOL, USDC, Decimal("0.01"), Decimal("0.01"), Decimal("0.01"))
PREVENTIONS = {"keep": SelfTradePrevention.REJECT_MAKER, "both": SelfTradePrevention.REJECT_BOTH}


class Venue:
    def __init__(self, maker_fee_ppm: int = 0, taker_fee_ppm: int = 0, max_open_orders: int = 200) -> None:
        self.engine = Engine()
        self.people: dict[str, int] = {}
        self.trades: list[str] = []
        self.at_ms = 0
        self.answers: list[Applied] = []
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

    def send(self, command: Command) -> Applied:
        self.at_ms += 1
        applied = self.engine.apply(command, f"{self.at_ms}-0/0", self.at_ms)
        self.engine.check_invariants()
        if applied.outcome is not None:
            names = {number: name for name, number in self.people.items()}
            for event in applied.outcome.events:
                if isinstance(event, TradeMade):
                    lots, price = SPEC.format_quantity(event.quantity_lots), SPEC.format_price(event.price_ticks)
                    maker, taker = names[event.maker_account_id], names[event.taker_account_id]
                    self.trades.append(f"{lots} @ {price} maker={maker} taker={taker}")
        return applied

    def fund(self, name: str, **amounts: str) -> "Venue":
        account_id = self.people.setdefault(name, 1001 + len(self.people))
        for symbol, amount in amounts.items():
            units = {"SOL": SOL, "USDC": USDC}[symbol].parse(amount)
            self.send(CreditAccount(account_id=account_id, asset=symbol, units=units, reference="test", **STAFF))
        return self

    def run(self, *lines: str) -> str:
        """Each line's answer is kept; that of the last is returned in words (`status executed` or the refusal)."""
        for line in lines:
            self.answers.append(self.send(self.parse(line)))
        return self.answer

    @property
    def answer(self) -> str:
        reply = self.answers[-1].reply
        if isinstance(reply, Refused):
            return reply.reason.value
        if isinstance(reply, OrderReply):
            executed = SPEC.format_quantity(reply.order.executed_lots)
            why = f" ({reply.order.end_reason.value})" if reply.order.end_reason else ""
            return f"{reply.order.status.value} {executed}{why}"
        return type(reply).__name__

    def parse(self, line: str) -> Command:
        name, verb, *words = line.split()
        if name == "staff":
            return SetMarketState(market=SPEC.symbol, state=MarketState(words[0]), **STAFF)
        account_id = self.people[name]
        if verb == "cancel":
            if words == ["all"]:
                return CancelAllOrders(account_id=account_id, market=SPEC.symbol)
            return CancelOrder(account_id=account_id, order_id=int(words[0]))
        return self._order(account_id, Side.BID if verb == "buy" else Side.ASK, words)

    def _order(self, account_id: int, side: Side, words: list[str]) -> PlaceOrder:
        by_quote = words[0] == "for"
        amount = words[1] if by_quote else words[0]
        price = words[words.index("@") + 1] if "@" in words else None
        tif = next((TimeInForce(word.upper()) for word in words if word in ("ioc", "fok")), TimeInForce.GTC)
        prevention = next((PREVENTIONS[word] for word in words if word in PREVENTIONS), None)
        client = next((int(word[3:]) for word in words if word.startswith("id=")), None)
        key = next((word[4:] for word in words if word.startswith("key=")), None)
        return PlaceOrder(
            account_id=account_id,
            market=SPEC.symbol,
            side=side,
            order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
            price_ticks=None if price is None else SPEC.parse_price(price),
            quantity_lots=None if by_quote else SPEC.parse_quantity(amount),
            quote_units=SPEC.parse_quote(amount) if by_quote else None,
            time_in_force=tif,
            post_only="post-only" in words,
            self_trade_prevention=prevention or SelfTradePrevention.REJECT_TAKER,
            client_id=client,
            idempotency_key=key,
        )

    @property
    def book(self) -> list[str]:
        """Best first on both sides: asks, then bids."""
        market = self.engine.markets[SPEC.symbol]
        return [
            f"{name} {SPEC.format_price(level.price_ticks)} x {SPEC.format_quantity(level.lots)}"
            for name, side in (("ask", market.asks), ("bid", market.bids))
            for level in side.best_first()
        ]

    def available(self, name: str) -> dict[str, str]:
        return self._amounts(name, "available")

    def locked(self, name: str) -> dict[str, str]:
        return self._amounts(name, "locked")

    def _amounts(self, name: str, which: str) -> dict[str, str]:
        account_id = {"fees": 2, **self.people}[name]
        amounts = {}
        for asset in (SOL, USDC):
            row = self.engine.balances.assets[asset.symbol].rows.get(account_id)
            if row is not None and getattr(row, which):
                amounts[asset.symbol] = asset.format(getattr(row, which))
        return amounts
