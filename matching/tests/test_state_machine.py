"""Hypothesis drives engine and model: any rule in any order, small numbers, and the shortest story when they differ.

The crowd (`test_engine_against_model.py`) finds what needs a long history; this machine finds what needs an odd
combination, and tells it in the fewest steps. All invariants are checked after each of them.
"""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from matching.messages import (
    AmendOrder,
    Batch,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    ExitTerms,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    OrderKind,
    OrderTerms,
    OrderType,
    PlaceOco,
    PlaceOrder,
    SelfTradePrevention,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
    Side,
    TimeInForce,
)
from matching.tests.side_by_side import SideBySide

STAFF = {"actor": "test", "reason": "machine"}
SYMBOL = "SOL_USDC"
SOON_MS, LATER_MS = 400, 5_000

accounts = st.sampled_from((1001, 1001, 1002, 1003))
prices = st.integers(95, 105)
lots = st.integers(1, 9)


def rarely(strategy: st.SearchStrategy, times: int = 5) -> st.SearchStrategy:
    return st.one_of(*[st.none()] * times, strategy)


@st.composite
def orders(draw: st.DrawFn, account_id: int | None = None) -> PlaceOrder:
    """Mostly orders that can be taken; the form of some is wrong."""
    by_market = draw(st.integers(0, 4)) == 0
    by_quote = by_market and draw(st.booleans())
    tif = draw(st.sampled_from([*[TimeInForce.GTC] * 4, *TimeInForce]))
    price = None if by_market else draw(prices)
    terms = OrderTerms(
        expires_at_ms=draw(st.sampled_from((SOON_MS, LATER_MS))) + draw(st.integers(0, 50_000))
        if tif is TimeInForce.GTD
        else None,
        display_lots=draw(rarely(st.integers(1, 5))),
        trigger_price_ticks=draw(rarely(prices, 2)),
        trailing_ticks=draw(rarely(st.integers(1, 4), 10)),
        stop_loss=draw(rarely(exits())),
        take_profit=draw(rarely(exits())),
        slippage_ticks=draw(rarely(st.integers(1, 3))) if by_market else None,
    )
    return PlaceOrder(
        account_id=draw(accounts) if account_id is None else account_id,
        market=SYMBOL,
        side=draw(st.sampled_from(Side)),
        order_type=OrderType.MARKET if by_market else OrderType.LIMIT,
        price_ticks=price,
        quantity_lots=None if by_quote else draw(lots),
        quote_units=draw(st.integers(1, 3_000)) if by_quote else None,
        time_in_force=tif,
        post_only=draw(st.integers(0, 7)) == 0,
        self_trade_prevention=draw(st.sampled_from(SelfTradePrevention)),
        client_id=draw(rarely(st.integers(0, 2), 3)),
        terms=None if terms == OrderTerms() else terms,
    )


def exits() -> st.SearchStrategy[ExitTerms]:
    return st.builds(ExitTerms, trigger_price_ticks=st.integers(93, 107), price_ticks=st.none() | st.integers(93, 107))


class EngineAndModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.both = SideBySide("the steps above")
        self.at_ms = 0

    def send(self, command: Command) -> None:
        self.both.send(command, self.at_ms)

    @initialize(maker_ppm=st.sampled_from((-500, 0, 700)), funds=st.sampled_from((60, 400)))
    def open_the_venue(self, maker_ppm: int, funds: int) -> None:
        for asset in ("SOL", "USDC"):
            self.send(ListAsset(symbol=asset, decimals=6, **STAFF))
            self.send(FundHouse(asset=asset, units=10**9, reference="seed", **STAFF))
        self.send(
            ListMarket(
                symbol=SYMBOL,
                base="SOL",
                quote="USDC",
                base_units_per_lot=10,
                quote_units_per_tick_lot=3,
                min_quantity_lots=1,
                max_open_orders=8,
                maker_fee_ppm=max(0, maker_ppm),
                taker_fee_ppm=1_000,
                **STAFF,
            )
        )
        if maker_ppm < 0:
            self.send(SetMarketFees(market=SYMBOL, maker_fee_ppm=maker_ppm, taker_fee_ppm=1_000, **STAFF))
        for account_id in (1001, 1002, 1003):
            for asset, units in (("SOL", 10 * funds), ("USDC", 300 * funds)):
                self.send(CreditAccount(account_id=account_id, asset=asset, units=units, reference="seed", **STAFF))

    # -------------------------------------------------------------------------------------------------------- traders

    @rule(order=orders())
    def place(self, order: PlaceOrder) -> None:
        self.send(order)

    @rule(first=orders(1001), second=orders(1001))
    def one_cancels_other(self, first: PlaceOrder, second: PlaceOrder) -> None:
        self.send(PlaceOco(account_id=1001, first=first, second=second))

    @rule(steps=st.lists(orders(1002), min_size=2, max_size=4), everything=st.booleans())
    def batch(self, steps: list[PlaceOrder], everything: bool) -> None:
        last = [CancelAllOrders(account_id=1002)] if everything else []
        self.send(Batch(account_id=1002, steps=[*steps, *last]))

    @rule(which=st.integers(0, 30))
    def cancel(self, which: int) -> None:
        order_id, account_id = self.some_order(which)
        self.send(CancelOrder(account_id=account_id, order_id=order_id))

    @rule(
        which=st.integers(0, 30),
        price=rarely(prices, 1),
        quantity=rarely(lots, 1),
        trigger=rarely(prices, 3),
    )
    def amend(self, which: int, price: int | None, quantity: int | None, trigger: int | None) -> None:
        order_id, account_id = self.some_order(which)
        self.send(
            AmendOrder(
                account_id=account_id,
                order_id=order_id,
                price_ticks=price,
                quantity_lots=quantity,
                trigger_price_ticks=trigger,
            )
        )

    def some_order(self, which: int) -> tuple[int, int]:
        """(order id, account id) of an open order, or of one that is not there."""
        views = sorted(self.both.engine.open_order_views(), key=lambda view: view.order_id)
        return (views[which % len(views)].order_id, views[which % len(views)].account_id) if views else (which, 1001)

    @rule(account_id=accounts, side=st.none() | st.sampled_from(Side), kind=st.none() | st.sampled_from(OrderKind))
    def cancel_all(self, account_id: int, side: Side | None, kind: OrderKind | None) -> None:
        self.send(CancelAllOrders(account_id=account_id, market=SYMBOL, side=side, kind=kind))

    @rule(account_id=accounts, after_ms=st.sampled_from((0, 1_000, LATER_MS)))
    def cancel_after(self, account_id: int, after_ms: int) -> None:
        self.send(CancelAfter(account_id=account_id, after_ms=after_ms))

    # ---------------------------------------------------------------------------------------------- staff, time, disk

    @rule(state=st.sampled_from([*[MarketState.OPEN] * 3, *MarketState]), auction_ms=st.sampled_from((None, SOON_MS)))
    def set_state(self, state: MarketState, auction_ms: int | None) -> None:
        ends = auction_ms if state is MarketState.AUCTION else None
        self.send(SetMarketState(market=SYMBOL, state=state, auction_ms=ends, **STAFF))

    @rule(
        band=rarely(st.sampled_from((20_000, 40_000)), 1),
        auction_ms=st.sampled_from((0, SOON_MS)),
        entry=rarely(st.just((970_000, 1_030_000)), 2),
        impact=rarely(st.just((980_000, 1_020_000)), 2),
    )
    def set_limits(
        self, band: int | None, auction_ms: int, entry: tuple[int, int] | None, impact: tuple[int, int] | None
    ) -> None:
        (low, high), (least, most) = entry or (None, None), impact or (None, None)
        bounds = {"min_price_ppm": low, "max_price_ppm": high, "min_impact_ppm": least, "max_impact_ppm": most}
        self.send(
            SetMarketLimits(
                market=SYMBOL,
                min_quantity_lots=1,
                max_open_orders=8,
                band_ppm=band,
                band_window_ms=LATER_MS,
                auction_ms=auction_ms,
                **bounds,
                **STAFF,
            )
        )

    @rule(account_id=accounts, tier=st.integers(0, 2), maker_ppm=st.sampled_from((-900, 0, 500)))
    def set_tier(self, account_id: int, tier: int, maker_ppm: int) -> None:
        self.send(SetMarketFees(market=SYMBOL, maker_fee_ppm=maker_ppm, taker_fee_ppm=900, tier=tier, **STAFF))
        self.send(SetAccountTier(account_id=account_id, tier=tier, **STAFF))

    @rule(account_id=accounts, blocked=st.booleans())
    def set_block(self, account_id: int, blocked: bool) -> None:
        self.send(SetAccountBlock(account_id=account_id, blocked=blocked, **STAFF))

    @rule(engaged=st.booleans())
    def set_kill_switch(self, engaged: bool) -> None:
        self.send(SetKillSwitch(engaged=engaged, **STAFF))

    @rule(milliseconds=st.sampled_from((1, SOON_MS, LATER_MS)))
    def let_time_pass(self, milliseconds: int) -> None:
        self.at_ms += milliseconds
        self.both.pass_time(self.at_ms)

    @rule()
    def restart_from_a_snapshot(self) -> None:
        self.both.reload()

    @invariant()
    def everything_is_sound(self) -> None:
        self.both.check_everything()


def test_g07_no_sequence_of_steps_tells_engine_and_model_apart(nightly):
    run_state_machine_as_test(
        EngineAndModel,
        settings=settings(
            max_examples=3_000 if nightly else 60,
            stateful_step_count=40,
            deadline=None,
            print_blob=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
