"""Stopping takes one person, allowing again two (G21)."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import trading_rights
from accounts.models import AuditEntry, User
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import rules, wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By
from matching.messages import MarketState, SetKillSwitch

pytestmark = pytest.mark.django_db(transaction=True)
State = StaffWish.State


def refused(kind, act):
    with pytest.raises(ApiError) as caught:
        act()
    assert caught.value.kind is kind
    return caught.value.message


def test_g21_the_kill_switch_is_engaged_by_one_and_released_by_two(venue, eve, mallory):
    n = rules.stop_venue(By(eve, "odd prices", "10.0.0.1"))
    assert (venue.core.is_halted, n) == (True, venue.published.engine.n)
    assert venue.order().reason == "trading_halted"
    wish = rules.ask_to_release_venue(By(eve, "all fine"))
    assert (wish.state, venue.core.is_halted) == (State.PENDING, True)
    assert "yourself" in refused(errors.FORBIDDEN, lambda: venue.approve(By(eve, "me again")))
    assert venue.core.is_halted
    venue.approve(By(mallory, "looked at it too", "10.0.0.2"))
    assert not venue.core.is_halted
    command = venue.sent[-1]
    assert (command.actor, command.approver, command.reason) == ("eve@example.org", "mallory@example.org", "all fine")
    wish = venue.wish()
    assert (wish.state, wish.n, wish.decided_by) == (State.DONE, venue.published.engine.n, mallory)
    assert venue.acts() == ["venue.stop", "venue.release.ask", "venue.release.approve", "venue.release"]
    entries = {entry.action: entry for entry in AuditEntry.objects.select_related("actor")}
    assert (entries["venue.stop"].actor, entries["venue.stop"].reason) == (eve, "odd prices")
    assert (entries["venue.release.approve"].actor, entries["venue.release.approve"].ip_address) == (
        mallory,
        "10.0.0.2",
    )
    assert entries["venue.release"].command_id == command.idempotency_key


def test_g21_the_database_itself_refuses_self_approval(venue, eve, mallory):
    wish = wishes.ask(rules.RELEASE_VENUE, rules.VENUE, "x", {}, By(eve, "x"))
    for decided_by in (eve, None):
        with pytest.raises(IntegrityError), transaction.atomic():
            StaffWish.objects.filter(pk=wish.pk).update(state=State.DONE, decided_by=decided_by)
    StaffWish.objects.filter(pk=wish.pk).update(state=State.DONE, decided_by=mallory)


def test_a_wish_is_over_after_a_day(venue, eve, mallory):
    rules.stop_venue(By(eve, "stop"))
    wish = rules.ask_to_release_venue(By(eve, "go"))
    assert wish.expires_at - wish.asked_at == pytest.approx(timedelta(hours=24), abs=timedelta(seconds=5))
    StaffWish.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "expired" in refused(errors.PRECONDITION_FAILED, lambda: venue.approve(By(mallory, "late")))
    assert venue.core.is_halted
    assert not wishes.pending()
    assert venue.wish().state == State.EXPIRED


def test_a_newer_stop_makes_older_wishes_void(venue, eve, mallory):
    rules.stop_venue(By(eve, "first"))
    rules.ask_to_release_venue(By(eve, "go"))
    rules.stop_venue(By(mallory, "worse than it looked"))
    assert "superseded" in refused(errors.PRECONDITION_FAILED, lambda: venue.approve(By(mallory, "go")))
    assert venue.core.is_halted


def test_rejecting_and_taking_back(venue, eve, mallory):
    rules.stop_venue(By(eve, "stop"))
    rules.ask_to_release_venue(By(eve, "go"))
    assert wishes.reject(venue.wish().pk, By(mallory, "too early")).state == State.REJECTED
    assert "rejected" in refused(errors.PRECONDITION_FAILED, lambda: venue.approve(By(mallory, "go")))
    rules.ask_to_release_venue(By(eve, "go now"))
    assert wishes.reject(venue.wish().pk, By(eve, "no")).state == State.WITHDRAWN
    assert venue.acts()[-2:] == ["venue.release.ask", "venue.release.withdraw"]
    assert venue.core.is_halted


def test_asking_twice_is_one_wish_and_the_inbox_has_a_limit(venue, eve, mallory, monkeypatch):
    rules.stop_venue(By(eve, "stop"))
    assert rules.ask_to_release_venue(By(eve, "go")) == rules.ask_to_release_venue(By(eve, "go, please"))
    monkeypatch.setattr(wishes, "MAX_PENDING", 1)
    refused(errors.PRECONDITION_FAILED, lambda: rules.ask_to_release_venue(By(mallory, "go")))
    assert StaffWish.objects.count() == 1


def test_only_staff_with_the_right_asks_and_approves(venue, eve):
    rules.stop_venue(By(eve, "stop"))
    bob = User.objects.create_user("bob@example.org")
    refused(errors.FORBIDDEN, lambda: rules.ask_to_release_venue(By(bob, "go")))
    refused(errors.FORBIDDEN, lambda: rules.ask_to_release_venue(By(None, "go")))
    rules.ask_to_release_venue(By(eve, "go"))
    bob.is_staff = True
    bob.save()
    give = ["stop_venue", "change_staffwish"]
    for permission in give:
        refused(errors.FORBIDDEN, lambda: venue.approve(By(User.objects.get(pk=bob.pk), "yes")))
        bob.user_permissions.add(Permission.objects.get(codename=permission))
    venue.approve(By(User.objects.get(pk=bob.pk), "yes"))
    assert not venue.core.is_halted


def test_what_stayed_unknown_is_sent_again_under_its_key_and_what_failed_is_not(venue, eve, mallory):
    rules.stop_venue(By(eve, "stop"))
    rules.ask_to_release_venue(By(eve, "go"))
    venue.broken = ApiError(errors.TIMEOUT, "", {"executed": "unknown"})
    refused(errors.TIMEOUT, lambda: venue.approve(By(mallory, "yes")))
    assert (venue.wish().state, venue.acts()[-1]) == (State.APPROVED, "venue.release.failed")
    venue.broken = None
    venue.approve(By(mallory, "again"))
    assert (venue.wish().state, venue.sent[-1].idempotency_key) == (State.DONE, venue.wish().key)
    rules.stop_venue(By(eve, "stop"))
    rules.ask_to_release_venue(By(eve, "go"))
    venue.broken = ApiError(errors.MAINTENANCE, "", {"executed": False})
    refused(errors.MAINTENANCE, lambda: venue.approve(By(mallory, "yes")))
    venue.broken = None
    assert (venue.wish().state, venue.wish().error[:11]) == (State.FAILED, "MAINTENANCE")
    refused(errors.PRECONDITION_FAILED, lambda: venue.approve(By(mallory, "again")))
    assert venue.core.is_halted


def test_one_person_where_the_settings_allow_it(venue, eve, settings):
    settings.STAFF_ONE_PERSON = True
    rules.stop_venue(By(eve, "stop"))
    wish = rules.ask_to_release_venue(By(eve, "go", "10.0.0.1"))
    assert (wish.state, wish.one_person, wish.decided_by, venue.core.is_halted) == (State.DONE, True, None, False)
    assert isinstance(venue.sent[-1], SetKillSwitch)
    assert venue.sent[-1].approver is None
    assert venue.acts() == ["venue.stop", "venue.release.alone", "venue.release"]


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (MarketState.CANCEL_ONLY, MarketState.OPEN),
        (MarketState.CLOSED, MarketState.POST_ONLY),
        (MarketState.CANCEL_ONLY, MarketState.LIMIT_ONLY),
        (MarketState.CLOSED, MarketState.AUCTION),
    ],
)
def test_g21_a_stopped_market_reopens_by_two(venue, eve, mallory, state, wanted):
    market = venue.market()
    assert isinstance(rules.set_market_state(market, state, By(eve, "stop")), int)
    length = 5_000 if wanted is MarketState.AUCTION else None
    wish = rules.set_market_state(market, wanted, By(eve, "go"), auction_ms=length)
    assert (wish.state, venue.state()) == (State.PENDING, state)
    venue.approve(By(mallory, "yes"))
    assert venue.state() == wanted
    assert (venue.sent[-1].approver, venue.sent[-1].auction_ms) == ("mallory@example.org", length)


def test_other_states_take_one_person(venue, eve):
    for state in (MarketState.POST_ONLY, MarketState.LIMIT_ONLY, MarketState.AUCTION, MarketState.OPEN):
        assert rules.set_market_state(venue.market(), state, By(eve, "why")) == venue.published.engine.n
        assert venue.state() == state
    rules.set_market_state(venue.market(), MarketState.CLOSED, By(eve, "why"))
    assert rules.set_market_state(venue.market(), MarketState.CANCEL_ONLY, By(eve, "let them cancel"))
    assert venue.state() == MarketState.CANCEL_ONLY


def test_while_the_database_is_behind_opening_counts_as_reopening(venue, eve, log, monkeypatch):
    """A halt that is not written yet must not be undone by one person."""
    monkeypatch.setattr(rules, "DATABASE_WITHIN_S", 0.05)
    log.hset("eng", "db_n", venue.published.engine.n - 1)
    wish = rules.set_market_state(venue.market(), MarketState.OPEN, By(eve, "go"))
    assert wish.state == State.PENDING


def test_g21_an_account_is_blocked_by_one_and_unblocked_by_two(venue, eve, mallory, alice):
    market = venue.market()
    trading_rights.block(alice, None, By(eve, "wash trades"))
    trading_rights.block(alice, market, By(eve, "wash trades"))
    assert list(venue.core.blocks) == [(1001, ""), (1001, "SOL_USDC")]
    trading_rights.ask_to_unblock(alice, None, By(eve, "explained"))
    assert (1001, "") in venue.core.blocks
    venue.approve(By(mallory, "yes"))
    assert list(venue.core.blocks) == [(1001, "SOL_USDC")]
    trading_rights.ask_to_unblock(alice, market, By(eve, "explained"))
    trading_rights.block(alice, market, By(mallory, "again"))
    refused(errors.PRECONDITION_FAILED, lambda: venue.approve(By(mallory, "yes")))
    assert list(venue.core.blocks) == [(1001, "SOL_USDC")]
