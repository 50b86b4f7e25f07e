"""The model as a whole: one command or one tick in, the predicted reply and events out."""

from typing import NamedTuple

from msgspec import structs

from matching.messages import (
    MAX_INT,
    AmendOrder,
    AuctionIndicated,
    Batch,
    CancelAfter,
    CancelAllOrders,
    CancelOrder,
    Command,
    CreditAccount,
    Event,
    FundHouse,
    ListAsset,
    ListMarket,
    MarketState,
    PlaceOco,
    PlaceOrder,
    RefusalReason,
    Refused,
    Reply,
    SetAccountBlock,
    SetAccountTier,
    SetKillSwitch,
    SetMarketFees,
    SetMarketLimits,
    SetMarketState,
)
from matching.tests.model import amending, auction, cancelling, placing, staff, wallet
from matching.tests.model.following import follow
from matching.tests.model.matching import Touched
from matching.tests.model.money import Money
from matching.tests.model.records import Market, Order, Refuse


class Predicted(NamedTuple):
    """`n` is that of the outcome; `events` leaves out balances and depth, which are compared as they stand."""

    reply: Reply | None
    events: list[Event]
    n: int
    replayed: bool = False


HANDLERS = {
    PlaceOrder: placing.place,
    PlaceOco: placing.place_oco,
    Batch: placing.batch,
    AmendOrder: amending.amend,
    CancelOrder: cancelling.cancel,
    CancelAllOrders: cancelling.cancel_all,
    CancelAfter: cancelling.set_switch,
    ListAsset: staff.list_asset,
    ListMarket: staff.list_market,
    SetMarketState: staff.set_state,
    SetMarketLimits: staff.set_limits,
    SetMarketFees: staff.set_fees,
    SetAccountTier: staff.set_tier,
    SetAccountBlock: staff.set_block,
    SetKillSwitch: staff.set_kill_switch,
    FundHouse: wallet.fund_house,
    CreditAccount: wallet.credit,
    **dict.fromkeys(wallet.HANDLERS, wallet.numbered),
}


def check_names(command: Command) -> None:
    """Accounts are numbered from one, clients number their orders from zero."""
    for name, least in (("account_id", 1), ("client_id", 0)):
        number = getattr(command, name, None)
        if number is not None and not least <= number <= MAX_INT:
            raise Refuse(RefusalReason.INVALID_PARAMETER)


class Model:
    def __init__(self) -> None:
        self.money = Money()
        self.markets: dict[str, Market] = {}
        self.tiers: dict[int, int] = {}
        self.blocks: set[tuple[int, str | None]] = set()
        self.killed = False
        self.switches: dict[int, int] = {}
        self.withdrawals: dict[int, wallet.Withdrawal] = {}
        self.wallet_done: list[tuple[type, object]] = []
        self.answers: dict[tuple[int, str], tuple[Command, Predicted]] = {}
        self.last_order_id = 0
        self.n = 0
        self.now = 0
        self.fired = 0  # By this command.
        self.events: list[Event] = []

    def apply(self, command: Command, at_ms: int) -> Predicted:
        """What the engine will say to a command. Keys are kept until `forget`: flows stay below ten minutes."""
        self.start(at_ms)
        key = (getattr(command, "account_id", 0), command.idempotency_key)
        content = structs.replace(command, idempotency_key=None)
        if hasattr(content, "valid_until_ms"):
            content = structs.replace(content, valid_until_ms=None)
        if command.idempotency_key is not None and key in self.answers:
            known, predicted = self.answers[key]
            if known == content:
                return predicted._replace(events=[], replayed=True)
            return self.finish(Refused(reason=RefusalReason.IDEMPOTENCY_KEY_REUSED))
        try:
            check_names(command)
            reply = HANDLERS[type(command)](self, command)
        except Refuse as refusal:
            reply = Refused(reason=refusal.reason, order_id=refusal.order_id)
        predicted = self.finish(reply)
        late = isinstance(reply, Refused) and reply.reason is RefusalReason.EXPIRED_IN_QUEUE
        if command.idempotency_key is not None and not late:
            self.answers[key] = content, predicted
        return predicted

    def forget(self, *keys: str) -> None:
        """These idempotency keys have run out."""
        self.answers = {name: answer for name, answer in self.answers.items() if name[1] not in keys}

    def tick(self, at_ms: int) -> Predicted | None:
        """What the clock does now; None when nothing is due. To be called until it says None."""
        self.start(at_ms)
        return self.finish(None) if cancelling.run_timers(self) else None

    def next_timer_ms(self) -> int | None:
        rows = cancelling.timers(self)
        return rows[0][0] if rows else None

    def start(self, at_ms: int) -> None:
        self.now, self.fired, self.events = at_ms, 0, []

    def finish(self, reply: Reply | None) -> Predicted:
        for market in self.markets.values():
            self.indicate(market)
        self.n += 1
        return Predicted(reply, self.events, self.n)

    def indicate(self, market: Market) -> None:
        """Publish where an auction would uncross, at its beginning and whenever a command has changed it."""
        if market.state is not MarketState.AUCTION:
            return
        found = auction.indication(market)
        if found != market.indicated:
            market.indicated = found
            price, lots, surplus = found
            self.events.append(
                AuctionIndicated(market=market.symbol, price_ticks=price, lots=lots, surplus_lots=surplus)
            )

    # ------------------------------------------------------------------------------------------ what the parts share

    def new_order(self, market: Market, account_id: int, *, order_id: int | None = None, **members) -> Order:
        """An order with the next id (or as a draft with the one given) and the fee rates of this moment."""
        if order_id is None:
            self.last_order_id += 1
            order_id = self.last_order_id
        maker_ppm, taker_ppm = market.fees_of(self.tiers.get(account_id, 0))
        return Order(
            order_id=order_id,
            account_id=account_id,
            market=market.symbol,
            created_at_ms=self.now,
            fee_version=market.fee_version,
            maker_ppm=maker_ppm,
            taker_ppm=taker_ppm,
            **members,
        )

    def start_auction(self, market: Market, auction_ms: int) -> None:
        staff.start_auction(self, market, auction_ms)

    def pause(self, market: Market) -> None:
        """Too many orders fired at once."""
        if market.limits.auction_ms > 0:
            self.start_auction(market, market.limits.auction_ms)
        else:
            staff.change_state(self, market, MarketState.CANCEL_ONLY, "", "")

    def release_held(self) -> None:
        """What the kill switch held back fires; auctions that should have ended do so now."""
        for market in self.markets.values():
            if market.auction_ends_at_ms is not None:
                market.auction_ends_at_ms = max(market.auction_ends_at_ms, self.now)
            if market.state is MarketState.OPEN:
                follow(self, market, Touched(), opening=True)
