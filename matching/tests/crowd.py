"""A crowd of traders, staff and the wallet: seeded random commands of every kind the engine knows.

The crowd listens to the answers it gets (`hear`), so it amends and cancels orders that exist, and it gathers around
the last prices. The weights are such that rare things really happen; `test_engine_against_model.py` counts them.
"""

from collections.abc import Iterator

from matching.messages import (
    MAX_INT,
    AmendOrder,
    Batch,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    Event,
    ExitTerms,
    FundHouse,
    ListAsset,
    ListMarket,
    OrderAccepted,
    OrderChanged,
    OrderEnded,
    OrderKind,
    OrderTerms,
    OrderType,
    OrderView,
    PlaceOco,
    PlaceOrder,
    SelfTradePrevention,
    Side,
    TimeInForce,
    TradeMade,
    WithdrawalReserved,
)
from matching.tests.crowd_staff import ACCOUNTS, ASSETS, MARKETS, STAFF, StaffAndWallet

MIDDLE = 100
REMEMBERED = 40
POOR_FROM = 1003  # These accounts have less than they wish to trade.

WEIGHTS = {
    "order": 620,
    "cancel": 60,
    "cancel_all": 12,
    "amend": 110,
    "oco": 35,
    "batch": 25,
    "cancel_after": 8,
    "state": 22,
    "fees": 8,
    "tier": 6,
    "limits": 14,
    "block": 8,
    "kill": 4,
    "money": 30,
    "wallet": 30,
}


class Crowd(StaffAndWallet):
    def __init__(self, seed: int, weights: dict[str, int] | None = None) -> None:
        super().__init__(seed, weights or WEIGHTS)
        self.scale = 1
        self.at_ms = 1_000_000
        self.orders: list[OrderAccepted | OrderView] = []

    # ---------------------------------------------------------------------------------------------------- the opening

    def listing(self) -> Iterator[Command]:
        """Assets, two markets and funded accounts: sizes so small that funds and limits do run out."""
        for symbol in ASSETS:
            yield ListAsset(symbol=symbol, decimals=6, **STAFF)
            yield FundHouse(asset=symbol, units=10_000_000, reference="seed", **STAFF)
        for symbol, lot in zip(MARKETS, (10, 700), strict=True):
            base, quote = symbol.split("_")
            yield ListMarket(
                symbol=symbol,
                base=base,
                quote=quote,
                base_units_per_lot=lot,
                quote_units_per_tick_lot=3,
                min_quantity_lots=1,
                max_open_orders=14,
                maker_fee_ppm=800,
                taker_fee_ppm=1000,
                **STAFF,
            )
        for account_id in ACCOUNTS:
            poor = 1 if account_id < POOR_FROM else 5
            for symbol, units in (("SOL", 2_000 // poor), ("BTC", 90_000 // poor), ("USDC", 120_000 // poor)):
                yield CreditAccount(account_id=account_id, asset=symbol, units=units, reference="seed", **STAFF)

    def notice(self, event: Event) -> None:
        """Learn from an event which orders there are."""
        if isinstance(event, OrderAccepted):
            self._learn(event)
        elif isinstance(event, OrderChanged):
            self._forget(event.order.order_id)
            if event.order.end_reason is None:
                self._learn(event.order)
        elif isinstance(event, OrderEnded):
            self._forget(event.order_id)
        elif isinstance(event, TradeMade):
            if event.maker_filled:
                self._forget(event.maker_order_id)
            if event.taker_filled:
                self._forget(event.taker_order_id)
        elif isinstance(event, WithdrawalReserved):
            self.withdrawals.append(event.withdrawal_id)
        self.notice_wallet(event)

    def _learn(self, order: OrderAccepted | OrderView) -> None:
        self.orders.append(order)
        del self.orders[:-REMEMBERED]

    def _forget(self, order_id: int) -> None:
        self.orders = [known for known in self.orders if known.order_id != order_id]

    def wait(self) -> int:
        """The time of the next command."""
        self.at_ms += self.rng.choice((0, 0, 1, 20, 100, 300, 300, 1500))
        return self.at_ms

    # ------------------------------------------------------------------------------------------------------- commands

    def command(self) -> Command:
        kind = self.rng.choices(list(self.weights), [self.weight(kind) for kind in self.weights])[0]
        return getattr(self, f"_{kind}")()

    def _valid_until(self) -> int | None:
        return self.at_ms + self.rng.randrange(-50, 2_000) if self.chance(5) else None

    def _price(self) -> int:
        return self._ticks(MIDDLE + self.rng.randrange(-9, 10) + (self.rng.randrange(-40, 41) if self.chance(8) else 0))

    def _ticks(self, number: int) -> int:
        """So many ticks, where prices are small; else as many times the scale, and one more or less."""
        return number if self.scale == 1 else number * self.scale + self.rng.randrange(-1, 2)

    def _order(self, account_id: int | None = None, market: str | None = None) -> PlaceOrder:
        rng = self.rng
        by_market = self.chance(20)
        by_quote = by_market and self.chance(40)
        tif = rng.choice([*[TimeInForce.GTC] * 5, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD])
        if by_market and tif is TimeInForce.GTD and not self.chance(10):
            tif = TimeInForce.GTC
        prevention = rng.choice(list(SelfTradePrevention))
        if by_quote and prevention is SelfTradePrevention.DECREMENT and not self.chance(10):
            prevention = SelfTradePrevention.REJECT_MAKER
        quantity = rng.choice((rng.randrange(1, 12), rng.randrange(1, 40)))
        price = None if by_market else self._price()
        if self.chance(1):
            quantity = rng.choice((0, 2**61, 2**62 + 1))
        elif self.chance(1) and price is not None:
            price = rng.choice((0, 2**62 + 1))
        lasting = not by_market and tif in (TimeInForce.GTC, TimeInForce.GTD)
        side = rng.choice(list(Side))
        return PlaceOrder(
            account_id=account_id or rng.choice(ACCOUNTS),
            market=market or rng.choice(MARKETS if self.chance(99) else ("NO_PE",)),
            side=side,
            order_type=OrderType.MARKET if by_market else OrderType.LIMIT,
            price_ticks=price,
            quantity_lots=None if by_quote else quantity,
            quote_units=rng.randrange(1, 6_000) * self.scale if by_quote else None,
            time_in_force=tif,
            post_only=(lasting and self.chance(12)) or self.chance(1),
            self_trade_prevention=prevention,
            client_id=rng.randrange(8) if self.chance(25) else None,
            idempotency_key=self.key(),
            valid_until_ms=self._valid_until(),
            terms=self._terms(side, price, quantity, tif, lasting),
        )

    def _terms(
        self, side: Side, price: int | None, quantity: int, tif: TimeInForce, lasting: bool
    ) -> OrderTerms | None:
        rng = self.rng
        members: dict[str, object] = {}
        if tif is TimeInForce.GTD:
            members["expires_at_ms"] = self.at_ms + rng.choice(
                (0, 500, 3_000, 3_000, 20_000, 120_000, 366 * 86_400_001)
            )
        if lasting and self.chance(14) and (quantity > 1 or self.chance(10)):
            members["display_lots"] = max(1, rng.randrange(1, max(2, min(quantity, 50))) // rng.choice((1, 3)))
        if price is None and self.chance(35):
            if self.chance(50):
                members["slippage_ticks"] = self._ticks(rng.randrange(-1 if self.chance(5) else 0, 6))
            else:
                members["slippage_ppm"] = rng.randrange(5_000, 60_000)
        if self.chance(20):
            members["trigger_price_ticks"] = self._price()
        elif self.chance(6):
            members["trailing_ticks"] = self._ticks(rng.randrange(1, 9))
        if self.chance(12):
            members.update(self._exits(side, price or MIDDLE * self.scale))
        return OrderTerms(**members) if members else None

    def _exits(self, side: Side, price: int) -> dict[str, ExitTerms]:
        rng = self.rng
        losing = -1 if side is Side.BID else 1
        exits = {}
        for name, direction in (("stop_loss", losing), ("take_profit", -losing)):
            if self.chance(65):
                trigger = max(1, price + direction * self._ticks(rng.randrange(0 if self.chance(5) else 1, 8)))
                limit = max(1, trigger + self._ticks(rng.randrange(-4, 5))) if self.chance(50) else None
                exits[name] = ExitTerms(trigger_price_ticks=trigger, price_ticks=limit)
        return exits

    def _named(self) -> dict[str, object]:
        """Some order: mostly one that exists, and mostly its owner's wish."""
        rng = self.rng
        if not self.orders or self.chance(2):
            return {"account_id": rng.choice(ACCOUNTS), "order_id": rng.randrange(1, 900)}
        order = rng.choice(self.orders)
        account_id = order.account_id if self.chance(97) else rng.choice(ACCOUNTS)
        if order.client_id is not None and self.chance(50):
            return {"account_id": account_id, "market": order.market, "client_id": order.client_id}
        market = rng.choice((order.market, None)) if self.chance(97) else rng.choice(MARKETS)
        return {"account_id": account_id, "market": market, "order_id": order.order_id}

    def _cancel(self) -> CancelOrder:
        return CancelOrder(**self._named(), idempotency_key=self.key())

    def _cancel_all(self, account_id: int | None = None) -> CancelAllOrders:
        return CancelAllOrders(
            account_id=account_id or self.rng.choice(ACCOUNTS),
            market=self.rng.choice((*MARKETS, None, "NO_PE" if self.chance(20) else None)),
            side=self.rng.choice((None, *Side)),
            kind=self.rng.choice((None, None, *OrderKind)),
        )

    def _amend(self) -> AmendOrder:
        rng = self.rng
        named = self._named()
        known = [order for order in self.orders if order.order_id == named.get("order_id")]
        order = known[0] if known else None
        quantity = None
        if self.chance(65):
            usual = order.quantity_lots if order is not None and order.quantity_lots else 10
            quantity = max(1, usual + rng.choice((-4, -2, -1, -1, 0, 1, 5)))
        trigger = None
        terms = getattr(order, "terms", None)
        waits = terms is not None and terms.trigger_price_ticks is not None
        if self.chance(50 if waits else 3):
            trigger = self._price()
        return AmendOrder(
            **named,
            price_ticks=self._price() if self.chance(50) else (order.price_ticks if order is not None else None),
            quantity_lots=quantity,
            trigger_price_ticks=trigger,
            idempotency_key=self.key(),
            valid_until_ms=self._valid_until(),
        )

    def _oco(self, account_id: int | None = None) -> PlaceOco:
        account_id, market = account_id or self.rng.choice(ACCOUNTS), self.rng.choice(MARKETS)
        legs = []
        for waits in (True, self.chance(30)):
            leg = self._order(account_id, market)
            for _ in range(20):
                conditional = leg.terms is not None and leg.terms.trigger_price_ticks is not None
                plain = leg.terms is None or (leg.terms.stop_loss is None and leg.terms.take_profit is None)
                lasts = leg.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
                if (conditional == waits and plain and lasts and (waits or leg.price_ticks)) or self.chance(2):
                    break
                leg = self._order(account_id, market)
            legs.append(leg)
        self.rng.shuffle(legs)
        return PlaceOco(
            account_id=account_id,
            first=legs[0],
            second=legs[1],
            idempotency_key=self.key(),
            valid_until_ms=self._valid_until(),
        )

    def _batch(self) -> Batch:
        account_id = self.rng.choice(ACCOUNTS)
        steps = []
        for _ in range(self.rng.choice((0, 1, 2, 3, 5, 8)) if self.chance(98) else 51):
            kind = self.rng.choice(("order", "order", "order", "cancel", "amend", "cancel_all", "oco"))
            if kind in ("cancel", "amend"):
                step = getattr(self, f"_{kind}")()
                mine = [order for order in self.orders if order.account_id == account_id]
                name = {"account_id": account_id, "market": None, "client_id": None, "idempotency_key": None}
                order_id = self.rng.choice(mine).order_id if mine else 1
                step = type(step)(**{**members(step), **name, "order_id": order_id})
            else:
                step = getattr(self, f"_{kind}")(account_id)
            steps.append(step)
        return Batch(account_id=account_id, steps=steps, idempotency_key=self.key(), valid_until_ms=self._valid_until())

    def _cancel_after(self) -> CancelAfter:
        after_ms = self.rng.choice((0, 1_000, 2_500, 30_000, 999, 86_400_001))
        return CancelAfter(account_id=self.rng.choice(ACCOUNTS), after_ms=after_ms, idempotency_key=self.key())


def members(message: Command) -> dict[str, object]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


class HugeCrowd(Crowd):
    """The same people where everything the venue can hold is theirs: prices of 2^50, sums just below the largest."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.scale = 2**44 - self.rng.randrange(0, 3)

    def listing(self) -> Iterator[Command]:
        for symbol in ASSETS:
            yield ListAsset(symbol=symbol, decimals=12, **STAFF)
            yield FundHouse(asset=symbol, units=MAX_INT, reference="seed", **STAFF)
            yield FundHouse(asset=symbol, units=1, reference="one too many", **STAFF)
        for symbol in MARKETS:
            base, quote = symbol.split("_")
            yield ListMarket(
                symbol=symbol,
                base=base,
                quote=quote,
                base_units_per_lot=MAX_INT // self.rng.choice((700, 5_000)),
                quote_units_per_tick_lot=1,
                min_quantity_lots=1,
                max_open_orders=14,
                maker_fee_ppm=self.rng.choice((0, 1, 99_999)),
                taker_fee_ppm=self.rng.choice((1, 99_999, 999_999)),
                **STAFF,
            )
        for account_id in ACCOUNTS:
            for symbol in ASSETS:
                yield CreditAccount(account_id=account_id, asset=symbol, units=MAX_INT // 4, reference="seed", **STAFF)
