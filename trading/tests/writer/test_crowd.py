"""Everything the engine can do, by a crowd of traders, staff and the wallet; the database and the feeds follow."""

import msgspec
import pytest

from accounts.ledger.models import LedgerEntry
from marketdata.feed.state import FeedStart, MarketFeedState
from marketdata.models import Auction, Market
from matching import messages as m
from matching.client.dump import describe
from matching.core.engine import Applied
from matching.tests.crowd import Crowd
from matching.tests.published import START_MS, PublishedEngine
from trading import reconcile as reconciling
from trading.feed_start import market_feed_state, user_feed_state
from trading.models import Checkpoint, Order
from trading.tests.writer.test_feed_start import images_of
from trading.user_feed.state import UserFeedStart, UserFeedState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


class CrowdedVenue:
    """The crowd's commands and the timers in between go to a real core, and its outcomes into the stream."""

    def __init__(self, published: PublishedEngine, seed: int) -> None:
        self.published = published
        self.crowd = Crowd(seed)
        self.crowd.at_ms = START_MS
        listing = [
            msgspec.structs.replace(command, base_units_per_lot=10) if isinstance(command, m.ListMarket) else command
            for command in self.crowd.listing()
        ]
        self._publish([self._heard(published.engine.apply(command, "1-0/0", START_MS)) for command in listing])

    def run(self, count: int) -> list[m.Outcome]:
        engine, made = self.published.engine, []
        for _ in range(count):
            at_ms, command = self.crowd.wait(), self.crowd.command()
            while (due_ms := engine.next_timer_ms()) is not None and due_ms <= at_ms:
                made.append(self._heard(engine.tick(max(due_ms, engine.at_ms))))
            made.append(self._heard(engine.apply(command, f"1-{at_ms}/0", at_ms)))
        outcomes = [outcome for outcome in made if outcome is not None]
        self._publish(outcomes)
        return outcomes

    def _heard(self, applied: Applied | None) -> m.Outcome | None:
        """The crowd learns from every event which orders there are."""
        outcome = None if applied is None else applied.outcome
        for event in outcome.events if outcome is not None else []:
            self.crowd.notice(event)
        return outcome

    def _publish(self, outcomes: list[m.Outcome]) -> None:
        self.published.at_ms = self.crowd.at_ms
        for start in range(0, len(outcomes), 40):
            self.published._publish(outcomes[start : start + 40])
        self.published.outcomes += outcomes


@pytest.fixture
def crowded(published, request):
    Market.objects.update(max_open_orders=14)
    return CrowdedVenue(published, request.param)


def reserved_by(engine) -> dict:
    rows = describe(engine, b"")["withdrawals"]
    return {row["withdrawal_id"]: (row["account_id"], row["asset"], row["units"], row["fee_units"]) for row in rows}


@pytest.fixture
def check(published, monkeypatch):
    monkeypatch.setattr(reconciling, "engine_dump", lambda n: describe(published.engine, published.chain))
    # Its withdrawals come without a wallet, so there are no rows of one to compare with.
    monkeypatch.setattr(reconciling, "reserved_at", lambda n: reserved_by(published.engine))

    def check():
        report = reconciling.reconcile()
        assert report.n == published.engine.n
        assert report.differences == []

    return check


@pytest.mark.parametrize("crowded", range(3), indirect=True, ids=str)
def test_the_database_is_what_the_engine_decided(crowded, published, writers, check):
    for _ in range(6):  # Several transactions, so that news come to orders of earlier ones, too.
        crowded.run(700)
        writers.run(published.engine.n)
        check()
    Checkpoint.objects.update(n=0, seq=0, chain=b"")
    writers.run(published.engine.n)
    check()
    statuses = set(Order.objects.values_list("status", flat=True))
    assert statuses == {status.value for status in m.OrderStatus}
    assert {"deposit", "debit", "defund", "fee"} <= set(LedgerEntry.objects.values_list("kind", flat=True))
    assert Auction.objects.filter(lots__gt=0, ended_at__isnull=False).exists()
    assert Order.objects.filter(display_lots__isnull=False, executed_lots__gt=0).exists()


@pytest.mark.parametrize("crowded", range(3, 5), indirect=True, ids=str)
def test_feeds_that_start_from_the_database_know_what_the_others_know(crowded, published, writers):
    markets = MarketFeedState(FeedStart(0, 0, {}, []))
    users = UserFeedState(UserFeedStart(0, 0, {}, []))
    markets.apply(published.outcomes)
    users.apply(published.outcomes)
    for _ in range(4):
        made = crowded.run(600)
        markets.apply(made)
        users.apply(made)
        writers.run(published.engine.n)
        now_ms = published.at_ms
        assert images_of(market_feed_state(), now_ms) == images_of(markets, now_ms)
        assert user_feed_state()._orders == users._orders
