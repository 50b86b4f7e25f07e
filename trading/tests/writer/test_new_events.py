"""Terms, changed orders, rebates, limits, fees, auctions, accounts and the wallet, from events written by hand."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID, Balance, LedgerPosting
from marketdata.models import Auction, FeeSchedule, IcebergLevel, Market
from matching import messages as m
from matching.tests.published import START_MS
from trading.ledger.models import LedgerEntry
from trading.models import AccountBlock, AccountRules, Fill, Order, VenueSwitch
from trading.writer.projector import Projector
from trading.writer.store import WriterStore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]
STAFF = {"actor": "eve@example.org", "reason": "because"}
TERMS = m.OrderTerms(
    expires_at_ms=START_MS + 60_000,
    display_lots=2,
    trigger_price_ticks=90,
    stop_loss=m.ExitTerms(trigger_price_ticks=80),
    take_profit=m.ExitTerms(trigger_price_ticks=120, price_ticks=119),
    fires_above=False,
    related_order_id=4,
)


def view(order_id=7, **changes) -> m.OrderView:
    order = m.OrderView(
        order_id=order_id,
        account_id=1001,
        market="SOL_USDC",
        side=m.Side.BID,
        order_type=m.OrderType.LIMIT,
        status=m.OrderStatus.NEW,
        price_ticks=100,
        quantity_lots=10,
        quote_units=None,
        executed_lots=0,
        executed_quote_units=0,
        time_in_force=m.TimeInForce.GTC,
        post_only=False,
        self_trade_prevention=m.SelfTradePrevention.REJECT_TAKER,
        client_id=5,
        created_at_ms=START_MS - 5,
    )
    return msgspec.structs.replace(order, **changes)


def changed(change, **changes) -> m.OrderChanged:
    return m.OrderChanged(change=change, order=view(**changes))


def accepted(order_id=7, **changes) -> m.OrderAccepted:
    order = view(order_id, **changes)
    names = m.OrderAccepted.__struct_fields__
    return m.OrderAccepted(**{name: getattr(order, name) for name in names})


def trade(**changes) -> m.TradeMade:
    values = {
        "market": "SOL_USDC", "trade_id": 1, "price_ticks": 100, "quantity_lots": 4, "quote_units": 1200,
        "taker_side": m.Side.ASK, "maker_order_id": 7, "taker_order_id": 8, "maker_account_id": 1001,
        "taker_account_id": 1002, "maker_fee_units": 1, "taker_fee_units": 2, "maker_executed_lots": 4,
        "maker_executed_quote_units": 1200, "taker_executed_lots": 4, "taker_executed_quote_units": 1200,
        "maker_filled": False, "taker_filled": True,
    }  # fmt: skip
    return m.TradeMade(**{**values, **changes})


@pytest.fixture
def store():
    store = WriterStore()
    yield store
    store.close()


@pytest.fixture
def write(store):
    """Commits outcomes, one list of events each, in one transaction."""
    state = {"position": store.position(), "seq": 1}

    def write(*outcomes, at_ms=START_MS):
        made = []
        for n, events in enumerate(outcomes, state["position"].n + 1):
            made.append(m.Outcome(n, state["seq"], at_ms, "1-0/0", list(events)))
            state["seq"] += len(events)
        state["position"] = store.write(state["position"], Projector(store.references).project(made), b"c" * 32)

    return write


# --------------------------------------------------------------------------------------------------------- orders


def test_a_conditional_order_waits_fires_and_is_filled(write):
    pending = {"terms": TERMS, "status": m.OrderStatus.TRIGGER_PENDING}
    write([changed(m.OrderChange.TRIGGER_PLACED, **pending)])
    order = Order.objects.get(pk=7)
    assert (order.status, order.client_id, order.n) == ("TriggerPending", 5, 1)
    assert order.terms() == TERMS
    assert order.created_at == datetime.fromtimestamp((START_MS - 5) / 1000, UTC)
    write([accepted(8, side=m.Side.ASK, account_id=1002)])
    fired = changed(m.OrderChange.TRIGGERED, terms=TERMS, triggered_at_ms=START_MS + 3)
    write([fired, trade(maker_filled=True, maker_executed_lots=10)], at_ms=START_MS + 3)
    order.refresh_from_db()
    assert (order.status, order.executed_lots, order.n) == ("Filled", 10, 1)
    assert order.triggered_at == datetime.fromtimestamp((START_MS + 3) / 1000, UTC)
    assert order.terms() == TERMS
    assert Fill.objects.get(order_id=7).client_id == 5


def test_a_trigger_that_fails_says_why(write):
    write([changed(m.OrderChange.TRIGGER_PLACED, terms=TERMS, status=m.OrderStatus.TRIGGER_PENDING)])
    failed = {"status": m.OrderStatus.TRIGGER_FAILED, "end_reason": m.EndReason.INSUFFICIENT_FUNDS}
    write([changed(m.OrderChange.TRIGGER_FAILED, terms=TERMS, **failed)])
    assert Order.objects.values_list("status", "end_reason").get() == ("TriggerFailed", "InsufficientFunds")


@pytest.mark.parametrize("together", [True, False], ids=["one transaction", "several"])
def test_an_amended_order_keeps_its_beginning(write, together):
    outcomes = (
        [accepted(7, client_id=5), accepted(8, side=m.Side.ASK)],
        [trade(taker_filled=False)],
        [changed(m.OrderChange.MODIFIED, price_ticks=101, quantity_lots=12, executed_lots=4, fee_version=3)],
        [trade(trade_id=2, maker_executed_lots=5, maker_executed_quote_units=1500)],
        [m.OrderEnded(order_id=7, account_id=1001, market="SOL_USDC", status="Cancelled", reason=m.EndReason.USER)],
    )
    if together:
        write(*outcomes)
    else:
        for outcome in outcomes:
            write(outcome)
    order = Order.objects.get(pk=7)
    assert (order.price_ticks, order.quantity_lots, order.executed_lots) == (101, 12, 5)
    assert (order.status, order.end_reason, order.n, order.fee_version) == ("Cancelled", "User", 1, 3)
    assert order.terms() is None


def test_the_longest_words_fit(write):
    for i, reason in enumerate(m.EndReason):
        ended = {"status": m.OrderStatus.TRIGGER_FAILED, "end_reason": reason, "order_id": 20 + i}
        prevention = m.SelfTradePrevention.DECREMENT
        write([changed(m.OrderChange.TRIGGER_FAILED, self_trade_prevention=prevention, **ended)])
    assert set(Order.objects.values_list("end_reason", flat=True)) == set(m.EndReason)


def test_writing_a_portion_twice_changes_nothing(write, store):
    before = store.position()
    auction = m.AuctionStarted(market="SOL_USDC", ends_at_ms=None, reason="x")
    events = [changed(m.OrderChange.TRIGGER_PLACED, terms=TERMS), auction]
    fees = m.MarketFeesChanged(market="SOL_USDC", maker_fee_ppm=1, taker_fee_ppm=2, **STAFF)
    outcome = m.Outcome(1, 1, START_MS, "1-0/0", [*events, fees, accepted(9)])
    for _ in range(2):
        store.write(before, Projector(store.references).project([outcome]), b"c" * 32)
        store._connection.execute("UPDATE trading_checkpoint SET n = 0, seq = 0")
        store.references.reload()
    assert (Order.objects.count(), Auction.objects.count()) == (2, 1)
    assert [fees.version for fees in FeeSchedule.objects.all()] == [2]
    assert Order.objects.get(pk=9).fee_version == 2


# ------------------------------------------------------------------------------------------------ fees and rebates


@pytest.mark.parametrize("taker_side", list(m.Side))
def test_a_rebate_is_paid_out_of_the_takers_fee_in_what_the_maker_gives(write, taker_side):
    buyer, seller = (7, 1001), (8, 1002)
    (maker_order, maker), (taker_order, taker) = (buyer, seller) if taker_side == m.Side.ASK else (seller, buyer)
    write([accepted(7), accepted(8, side=m.Side.ASK, account_id=1002)])
    people = {"maker_account_id": maker, "taker_account_id": taker}
    orders = {"maker_order_id": maker_order, "taker_order_id": taker_order}
    write([trade(taker_side=taker_side, maker_fee_units=-3, taker_fee_units=8, **people, **orders)])
    given = "USDC" if taker_side == m.Side.ASK else "SOL"
    fill = Fill.objects.select_related("fee_asset").get(is_maker=True)
    assert (fill.fee_units, fill.fee_asset.symbol) == (-3, given)
    sums = Counter()
    of = Counter()
    for entry in LedgerEntry.objects.select_related("asset"):
        sums[entry.asset.symbol] += entry.units
        of[entry.account_id, entry.asset.symbol] += entry.units
    assert not any(sums.values())
    gave = 1200 if given == "USDC" else 40
    assert of[maker, given] == 3 - gave
    assert of[taker, given] == gave - 8
    assert of[FEES_ACCOUNT_ID, given] == 5
    assert len(of) == 5


def test_an_order_keeps_the_version_of_the_fees_it_was_accepted_with(write):
    listed = m.MarketListed(
        symbol="SOL_USDC", base="SOL", quote="USDC", base_units_per_lot=10, quote_units_per_tick_lot=3,
        min_quantity_lots=1, max_open_orders=5, maker_fee_ppm=10, taker_fee_ppm=20,
    )  # fmt: skip
    tier = m.TierFeesChanged(market="SOL_USDC", tier=3, maker_fee_ppm=-5, taker_fee_ppm=9, **STAFF)
    write([listed, accepted(1)], [tier], [accepted(2)])
    fees = m.MarketFeesChanged(market="SOL_USDC", maker_fee_ppm=-4, taker_fee_ppm=15, **STAFF)
    write([fees], [accepted(3), accepted(4, market="BTC_USDC")])
    assert dict(Order.objects.values_list("pk", "fee_version")) == {1: 1, 2: 2, 3: 3, 4: 1}
    rows = FeeSchedule.objects.order_by("seq").values_list("version", "tier", "maker_fee_ppm", "taker_fee_ppm")
    assert list(rows) == [(1, 0, 10, 20), (2, 3, -5, 9), (3, 0, -4, 15)]
    assert Market.objects.get(symbol="SOL_USDC").maker_fee_ppm == -4


# --------------------------------------------------------------------------------------------- limits and auctions


def test_limits_reach_the_market(write):
    limits = {
        "min_quantity_lots": 5, "max_quantity_lots": 900, "min_notional_units": 12, "max_open_orders": 33,
        "min_price_ppm": 250_000, "max_price_ppm": 2_000_000, "min_impact_ppm": None, "max_impact_ppm": 1_010_000,
        "band_ppm": 50_000, "band_window_ms": 1_000, "auction_ms": 60_000,
    }  # fmt: skip
    write([m.MarketLimitsChanged(market="SOL_USDC", **limits, **STAFF)])
    market = Market.objects.get(symbol="SOL_USDC")
    assert market.spec().min_quantity_lots == 5
    del limits["min_quantity_lots"]
    assert {name: getattr(market, name) for name in limits} == limits


def test_an_auction_from_its_start_to_its_price(write):
    start = m.AuctionStarted(market="SOL_USDC", ends_at_ms=START_MS + 60_000, reason="band")
    write([start], [m.AuctionIndicated(market="SOL_USDC", price_ticks=99, lots=5, surplus_lots=-2)])
    auction = Auction.objects.get()
    assert (auction.price_ticks, auction.lots, auction.surplus_lots, auction.ended_at) == (99, 5, -2, None)
    assert auction.ends_at - auction.started_at == timedelta(minutes=1)
    indicated = m.AuctionIndicated(market="SOL_USDC", price_ticks=98, lots=9, surplus_lots=1)
    write([indicated], [m.AuctionEnded(market="SOL_USDC", price_ticks=98, lots=9)], at_ms=START_MS + 60_000)
    auction.refresh_from_db()
    assert (auction.price_ticks, auction.lots, auction.surplus_lots) == (98, 9, 1)
    assert auction.ended_at == auction.ends_at
    write([m.AuctionStarted(market="SOL_USDC", ends_at_ms=None, reason="")])
    assert Auction.objects.filter(ended_at=None).count() == 1


def test_what_a_level_with_an_iceberg_shows_is_kept(write):
    book = {"market": "SOL_USDC", "asks": []}
    write([accepted(1), m.BookChanged(update_id=1, bids=[(100, 10)], **book)])
    assert not IcebergLevel.objects.exists()
    hidden = m.OrderTerms(display_lots=2)
    iceberg = changed(m.OrderChange.ACCEPTED, terms=hidden, price_ticks=100)
    write([iceberg, m.BookChanged(update_id=2, bids=[(100, 12), (99, 3)], **book)])
    assert IcebergLevel.objects.values_list("side", "price_ticks", "lots").get() == ("Bid", 100, 12)
    write([m.BookChanged(update_id=3, bids=[(100, 11)], **book)])
    assert IcebergLevel.objects.get().lots == 11


# ------------------------------------------------------------------------------------------- accounts and the venue


def test_tiers_blocks_switches_and_deadlines(write):
    write(
        [m.AccountTierChanged(account_id=1001, tier=2, **STAFF)],
        [m.CancelAfterSet(account_id=1001, deadline_ms=START_MS + 9_000)],
        [m.CancelAfterSet(account_id=1002, deadline_ms=START_MS + 8_000)],
        [m.CancelAfterSet(account_id=1002, deadline_ms=None)],
        [m.AccountBlockChanged(account_id=1001, market=None, blocked=True, **STAFF)],
        [m.AccountBlockChanged(account_id=1001, market="SOL_USDC", blocked=True, **STAFF)],
        [m.AccountBlockChanged(account_id=1001, market=None, blocked=False, **STAFF)],
        [m.KillSwitchChanged(engaged=True, **STAFF)],
        [m.RulesActivated(version=2, **STAFF)],
    )
    rules = AccountRules.objects.get(pk=1001)
    assert (rules.tier, rules.cancel_after) == (2, datetime.fromtimestamp(START_MS / 1000 + 9, UTC))
    assert AccountRules.objects.get(pk=1002).cancel_after is None
    assert AccountBlock.objects.values_list("account_id", "market", "actor").get() == (1001, "SOL_USDC", STAFF["actor"])
    assert dict(VenueSwitch.objects.values_list("name", "value")) == {"kill": 1, "rules": 2}


def test_no_text_of_staff_stops_the_writer(write):
    long = {"actor": "a\0" + "b" * 500, "reason": "c\0" + "d" * 500}
    write(
        [m.KillSwitchChanged(engaged=True, **long)],
        [m.AccountBlockChanged(account_id=1001, market=None, blocked=True, **long)],
        [m.TierFeesChanged(market="SOL_USDC", tier=1, maker_fee_ppm=1, taker_fee_ppm=1, **long)],
        [m.AuctionStarted(market="SOL_USDC", ends_at_ms=None, reason=long["reason"])],
    )
    assert len(VenueSwitch.objects.get().reason) == 256


# ------------------------------------------------------------------------------------------------------- the wallet


def balance(account_id, available, locked=0):
    return m.BalanceChanged(account_id=account_id, asset="SOL", available_units=available, locked_units=locked)


def test_the_postings_of_the_wallet_explain_the_balances(write):
    def step(event, withdrawal_id, **more):
        return event(withdrawal_id=withdrawal_id, account_id=1001, asset="SOL", units=50, wallet_number=1, **more)

    deposit = m.DepositCredited(account_id=1001, asset="SOL", units=100, deposit_id=3, wallet_number=1)
    debit = m.AccountDebited(account_id=1002, asset="SOL", units=5, reference="undone")
    out, across = {"fee_units": 2, "to_account_id": None}, {"fee_units": 5, "to_account_id": 1002}
    write(
        [deposit, balance(1001, 100)],
        [step(m.WithdrawalReserved, 7, fee_units=2), balance(1001, 50, 50)],
        [step(m.WithdrawalSettled, 7, **out), balance(1001, 50), balance(2, 2)],
        [step(m.WithdrawalReserved, 8, fee_units=0), balance(1001, 0, 50)],
        [step(m.WithdrawalReleased, 8), balance(1001, 50)],
        [step(m.WithdrawalReserved, 9, fee_units=5), balance(1001, 0, 50)],
        [step(m.WithdrawalSettled, 9, **across), balance(1001, 0), balance(1002, 45), balance(2, 7)],
        [debit, balance(1002, 40), balance(1, 5)],
        [m.HouseDefunded(asset="SOL", units=4, reference="gas"), balance(1, 1)],
    )
    sums, events = Counter(), Counter()
    for posting in LedgerPosting.objects.all():
        sums[posting.account_id] += posting.units
        events[posting.seq] += posting.units
    assert not any(events.values())
    held = {row.account_id: row.available_units + row.locked_units for row in Balance.objects.all()}
    assert held == {1001: 0, 1002: 40, FEES_ACCOUNT_ID: 7, HOUSE_ACCOUNT_ID: 1}
    assert {account: units for account, units in sums.items() if account != OUTSIDE_ACCOUNT_ID} == held
    assert sums[OUTSIDE_ACCOUNT_ID] == -48
    kinds = set(LedgerPosting.objects.values_list("kind", flat=True))
    assert kinds == {"deposit", "withdraw", "fee", "debit", "defund"} <= set(LedgerPosting.Kind.values)
    assert LedgerPosting.objects.filter(kind="deposit", account_id=1001).get().reference == "deposit:3"


def test_every_event_there_is_can_be_written():
    handlers = Projector(type("None", (), {"iceberg_levels": {}})())._handlers
    assert set(handlers) == set(m.Event.__args__)
