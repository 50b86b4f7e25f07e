"""The staff surface as a browser uses it, and what traders then see."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from accounts.models import Account, AuditEntry, User
from exchange_site.tests.api_rig import ask, forget_caches
from marketdata import halt, rules
from marketdata.models import StaffWish
from marketdata.staff_acts import By
from matching.messages import MarketState

STOP, RELEASE = "admin:trading_venue_stop", "admin:trading_venue_release"


@pytest.fixture
def as_eve(client, eve):
    client.force_login(eve)
    return client


def market_url(market, page):
    return reverse(f"admin:marketdata_market_{page}", args=[market.pk])


def account_url(account, page):
    return reverse(f"admin:accounts_account_{page}", args=[account.pk])


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_red_button_asks_for_the_word_and_a_reason(venue, as_eve):
    assert "Stop all trading" in text(as_eve.get(reverse("admin:trading_venueswitch_changelist")))
    for form in ({"reason": "odd", "word": "stop"}, {"reason": "", "word": "STOP"}, {"reason": "odd"}, {}):
        assert "Stop all trading" in text(as_eve.post(reverse(STOP), form))
    assert not venue.core.is_halted
    page = text(as_eve.post(reverse(STOP), {"reason": "odd <prices>", "word": "STOP"}, follow=True))
    assert venue.core.is_halted
    assert "odd &lt;prices&gt;" in page
    assert "eve@example.org" in page
    assert "Allow trading again" in page
    assert AuditEntry.objects.get(action="venue.stop").ip_address == "127.0.0.1"


def test_release_goes_through_the_inbox(venue, as_eve, mallory):
    as_eve.post(reverse(STOP), {"reason": "odd", "word": "STOP"})
    assert "second person" not in text(as_eve.get(reverse(STOP))).split("Allowing trading again takes a")[0]
    page = text(as_eve.post(reverse(RELEASE), {"reason": "fine"}, follow=True))
    assert "Somebody else must approve it" in page
    assert "Waiting for approval" in page
    wish = venue.wish()
    approve = reverse("admin:marketdata_staffwish_approve", args=[wish.pk])
    detail = reverse("admin:marketdata_staffwish_change", args=[wish.pk])
    assert approve not in text(as_eve.get(detail))
    assert "somebody else must approve it" in text(as_eve.post(approve, {"reason": "me"}))
    assert venue.core.is_halted
    as_eve.force_login(mallory)
    assert approve in text(as_eve.get(detail))
    assert "done with outcome" in text(as_eve.post(approve, {"reason": "yes"}, follow=True))
    assert not venue.core.is_halted
    assert approve not in text(as_eve.get(detail))
    assert "mallory@example.org" in text(as_eve.get(reverse("admin:marketdata_staffwish_changelist")))


def test_one_person_approval_is_said_plainly(venue, as_eve, settings):
    settings.STAFF_ONE_PERSON = True
    as_eve.post(reverse(STOP), {"reason": "odd", "word": "STOP"})
    assert "STAFF_ONE_PERSON" in text(as_eve.get(reverse(RELEASE)))
    assert "by one person, as the settings allow" in text(as_eve.post(reverse(RELEASE), {"reason": "x"}, follow=True))
    assert not venue.core.is_halted


def test_a_market_from_its_page(venue, as_eve):
    market = venue.market()
    page = text(as_eve.get(market_url(market, "limits")))
    assert 'value="0.00001"' in page
    form = {"min_quantity": "0.00001", "max_open_orders": "12", "band_window_s": "60", "reason": "calm"}
    assert "must be a plain decimal number" in text(
        as_eve.post(market_url(market, "limits"), {**form, "band_percent": "x"})
    )
    as_eve.post(market_url(market, "limits"), {**form, "band_percent": "5"})
    assert venue.core.markets["SOL_USDC"].limits.band_ppm == 50_000
    assert "is more than the smallest" in text(
        as_eve.post(
            market_url(market, "change_fees"), {"tier": 1, "maker_percent": "-1", "taker_percent": "2", "reason": "x"}
        )
    )
    as_eve.post(
        market_url(market, "change_fees"), {"tier": 1, "maker_percent": "-0.01", "taker_percent": "2", "reason": "x"}
    )
    assert venue.core.markets["SOL_USDC"].fees[1] == (-100, 20_000)
    assert 'value="-0.01"' in text(as_eve.get(market_url(market, "change_fees"), {"tier": "1"}))
    assert 'value="0.08"' in text(as_eve.get(market_url(market, "change_fees"), {"tier": "x"}))
    for page, state in (
        ("post_only", "PostOnly"),
        ("limit_only", "LimitOnly"),
        ("auction", "Auction"),
        ("halt", "CancelOnly"),
    ):
        as_eve.post(market_url(market, page), {"reason": "why", "length_s": "5"})
        assert venue.state() == state
    assert "at most a day" not in text(as_eve.get(market_url(market, "auction")))
    assert "more than zero" in text(as_eve.post(market_url(market, "auction"), {"reason": "why", "length_s": "0"}))
    as_eve.post(market_url(market, "close"), {"reason": "why", "word": "BTC_USDC"})
    assert venue.state() == "CancelOnly"
    as_eve.post(market_url(market, "close"), {"reason": "why", "word": "SOL_USDC"})
    assert venue.state() == "Closed"
    shown = text(as_eve.get(market_url(market, "change")))
    assert "Price band: 5 % around the reference price" in shown
    assert "Tier 1: maker -0.01 %, taker 2 %" in shown
    assert "This takes two people" in text(as_eve.get(market_url(market, "resume")))


def test_an_account_from_its_page(venue, as_eve, alice, mallory):
    venue.order()
    as_eve.post(account_url(alice, "set_tier"), {"tier": 4, "reason": "volume"})
    as_eve.post(account_url(alice, "block"), {"market": "SOL_USDC", "reason": "odd"})
    as_eve.post(account_url(alice, "block"), {"market": "", "reason": "odd"})
    assert (venue.core.tiers, set(venue.core.blocks)) == ({1001: 4}, {(1001, ""), (1001, "SOL_USDC")})
    page = text(as_eve.get(account_url(alice, "change")))
    assert "Fee tier 4" in page
    assert "Blocked in all markets" in page
    assert "Select a valid choice" in text(as_eve.post(account_url(alice, "block"), {"market": "NO_PE", "reason": "x"}))
    as_eve.post(account_url(alice, "unblock"), {"market": "SOL_USDC", "reason": "fine"})
    venue.approve(By(mallory, "yes"))
    assert set(venue.core.blocks) == {(1001, "")}
    assert "Select a valid choice" in text(
        as_eve.post(account_url(alice, "unblock"), {"market": "SOL_USDC", "reason": "x"})
    )
    as_eve.post(account_url(alice, "unblock"), {"market": "", "reason": "fine"})
    venue.approve(By(mallory, "yes"))
    assert "is not blocked anywhere" in text(as_eve.get(account_url(alice, "unblock"), follow=True))
    assert "1 orders of" in text(
        as_eve.post(account_url(alice, "cancel_all"), {"market": "", "reason": "x"}, follow=True)
    )
    assert not venue.core.open_orders


def staff_pages(venue, alice):
    market = venue.market()
    pages = [reverse(name) for name in (STOP, RELEASE, "admin:trading_venueswitch_changelist")]
    pages += [
        market_url(market, page)
        for page in ("halt", "resume", "post_only", "limit_only", "auction", "close", "limits", "change_fees")
    ]
    pages += [account_url(alice, page) for page in ("set_tier", "block", "unblock", "cancel_all")]
    return pages + [
        reverse(f"admin:marketdata_staffwish_{page}", args=[venue.wish().pk]) for page in ("approve", "reject")
    ]


def test_nobody_without_the_right_gets_in_or_does_anything(venue, client, eve, alice):
    rules.stop_venue(By(eve, "odd"))
    rules.ask_to_release_venue(By(eve, "fine"))
    before = (len(venue.sent), AuditEntry.objects.count())
    form = {
        "reason": "x", "word": "STOP", "tier": 1, "market": "", "length_s": "5", "maker_percent": "0",
        "taker_percent": "0", "min_quantity": "0.00001", "max_open_orders": "12", "band_window_s": "60",
    }  # fmt: skip
    helper = User.objects.create_user("helper@example.org", is_staff=True)
    viewer = User.objects.create_user("viewer@example.org", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    for who, statuses in ((None, {302}), (alice.user, {302, 403}), (helper, {403, 404}), (viewer, {403})):
        client.logout()
        if who is not None:
            client.force_login(who)
        for page in staff_pages(venue, alice):
            looks = who is viewer and (page.endswith("/venueswitch/") or page.endswith("/reject/"))
            may_look = {302} if page.endswith("/reject/") else {200}  # Sent back, with the reason.
            assert client.get(page).status_code in (may_look if looks else statuses), (who, page)
            if not looks:
                assert client.post(page, form).status_code in statuses, (who, page)
    client.post(reverse("admin:marketdata_staffwish_reject", args=[venue.wish().pk]), form)
    assert venue.wish().state == StaffWish.State.PENDING
    assert before == (len(venue.sent), AuditEntry.objects.count())


def test_rows_that_do_not_exist(venue, as_eve):
    for model, page in (
        ("marketdata_market", "halt"),
        ("accounts_account", "block"),
        ("marketdata_staffwish", "approve"),
    ):
        for pk in ("999999", "x", "9" * 30, "1'--"):
            assert as_eve.get(reverse(f"admin:{model}_{page}", args=[pk])).status_code == 404, (model, pk)


# ------------------------------------------------------------------------------------------------ what traders see


async def status():
    halt.forget()
    return (await ask("GET", "/api/v1/status")).json()


def test_traders_see_who_stopped_and_why(venue, client, eve, mallory, log):
    from asgiref.sync import async_to_sync

    log.hset("eng", mapping={"status": "open", "lease_until_ms": 2**50})
    assert async_to_sync(status)() == {"status": "Ok", "message": None}
    rules.stop_venue(By(eve, "odd prices"))
    sentence = (
        "All trading is stopped since 1 Jan 00:00 by eve. Open orders stay; you can cancel them. Reason: odd prices."
    )
    assert async_to_sync(status)() == {"status": "Maintenance", "message": sentence}
    forget_caches()
    assert client.get("/trade/SOL_USDC/state").json() == {
        "state": "CancelOnly",
        "word": "Stopped",
        "sentence": sentence,
    }
    page = text(client.get("/trade/SOL_USDC"))
    assert sentence in page
    assert "eve@example.org" not in page
    assert "0 markets open" in text(client.get("/markets"))
    rules.ask_to_release_venue(By(eve, "fine"))
    venue.approve(By(mallory, "yes"))
    assert async_to_sync(status)() == {"status": "Ok", "message": None}
    assert client.get("/trade/SOL_USDC/state").json()["state"] == "Open"
    rules.set_market_state(venue.market(), MarketState.CANCEL_ONLY, By(eve, "a split"))
    assert client.get("/trade/SOL_USDC/state").json()["sentence"] == (
        "SOL/USDC is halted since 1 Jan 00:00 by eve. Open orders stay; you can cancel them. Reason: a split."
    )
    forget_caches()


def test_a_closed_market_is_closed_whatever_the_kill_switch_says(venue, client, eve):
    rules.set_market_state(venue.market(), MarketState.CLOSED, By(eve, "delisted"))
    rules.stop_venue(By(eve, "odd"))
    assert client.get("/trade/SOL_USDC/state").json()["state"] == "Closed"
    assert Account.objects.filter(pk=1001).exists()
