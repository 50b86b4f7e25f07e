"""Buttons are shown only where they work: for each role and each kind of wish, a page offers exactly what a POST then
does; and a row whose state leaves nothing to decide offers nothing."""

import html
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.factor_reset.models import SecondFactorReset
from accounts.models import Account, User
from accounts.wallet.models import WalletAlarm
from exchange_site.ops import roles
from marketdata import wishes
from marketdata.models import StaffWish

ROLES = (*roles.ROLES, "asker", "superuser")

# Of each kind of wish: what it carries, and who may approve it. A kind that is not here fails the test.
KINDS = {
    "market.open": ({"market": "SOL_USDC"}, {"market operations"}),
    "venue.release": ({}, {"market operations", "security"}),
    "account.unblock": ({"account_id": 1, "market": None}, {"market operations", "security"}),
    "role.give": ({"user": 0, "roles": [], "staff": True, "superuser": False}, {"administrator"}),
    "second_factor.reset": ({"user": 0}, {"security"}),
    "user.unfreeze": ({"user": 0}, {"security", "administrator"}),
}


@pytest.fixture
def people(db):
    """One member of staff of each role, somebody who asked, and a superuser."""
    roles.sync()
    found = {role: User.objects.create(email=f"{role.replace(' ', '-')}@example.org", is_staff=True) for role in ROLES}
    for role in roles.ROLES:
        found[role].groups.add(Group.objects.get(name=role))
    found["asker"].groups.add(*Group.objects.all())
    User.objects.filter(pk=found["superuser"].pk).update(is_superuser=True)
    return found


def wish_of(kind, people, state=StaffWish.State.PENDING, hours=24):
    return StaffWish.objects.create(
        what=kind, subject="x", summary=f"Wish for {kind}", payload=KINDS[kind][0], reason="because", state=state,
        key=f"{kind}{StaffWish.objects.count()}", asked_by=people["asker"],
        expires_at=timezone.now() + timedelta(hours=hours),
    )  # fmt: skip


def address(wish, page):
    return reverse(f"admin:marketdata_staffwish_{page}", args=[wish.pk])


def offers(client, wish, act):
    """Whether the wish's page has the button."""
    page = client.get(address(wish, "change"))
    assert page.status_code == 200
    return f'"{address(wish, act)}"' in page.content.decode()


def does(client, wish, act):
    """Whether a POST changes anything."""
    before = StaffWish.objects.get(pk=wish.pk).state
    answer = client.post(address(wish, act), {"reason": "I agree"})
    assert answer.status_code in (200, 302, 403), answer.status_code
    return StaffWish.objects.get(pk=wish.pk).state != before


def test_every_kind_of_wish_is_in_the_matrix():
    assert set(wishes.kinds()) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wish_offers_each_role_exactly_what_it_may_do(client, people, monkeypatch, kind):
    monkeypatch.setitem(wishes._acts, kind, replace(wishes._acts[kind], perform=lambda *_: 1))
    who_may = KINDS[kind][1] | {"superuser"}
    for act in ("approve", "reject"):
        found = set()
        for role, person in people.items():
            wish = wish_of(kind, people)
            client.force_login(person)
            offered = offers(client, wish, act)
            opened = client.get(address(wish, act)).status_code
            assert opened == 200 if offered else opened in (302, 403), f"{role} opens {act} of {kind}: {opened}"
            assert offered == does(client, wish, act), f"{role}, {act} of {kind}: offered is {offered}"
            found |= {role} if offered else set()
        assert found == (who_may if act == "approve" else who_may | {"asker"})


@pytest.mark.parametrize("state", StaffWish.State.values)
def test_what_is_decided_or_too_old_offers_nothing_more(client, people, monkeypatch, state):
    monkeypatch.setitem(wishes._acts, "market.open", replace(wishes._acts["market.open"], perform=lambda *_: 1))
    client.force_login(people["superuser"])
    for hours in (24, -1):
        for act in ("approve", "reject"):
            decided_by = people["security"] if state in ("done", "approved") else None
            wish = wish_of("market.open", people, state="pending", hours=hours)
            StaffWish.objects.filter(pk=wish.pk).update(state=state, decided_by=decided_by)
            offered = offers(client, wish, act)
            assert offered == does(client, wish, act), (state, hours, act)
            again = state == "approved" and act == "approve"  # It was interrupted; its key makes that safe.
            assert offered == (hours > 0 and (state == "pending" or again)), (state, hours, act)


def test_a_wish_says_who_may_decide_about_it(client, people):
    client.force_login(people["security"])
    page = client.get(address(wish_of("market.open", people), "change")).content.decode()
    assert "It waits for somebody else with the role market operations" in page
    client.force_login(people["asker"])
    page = client.get(address(StaffWish.objects.get(), "change")).content.decode()
    assert "You asked for it, so you cannot approve it" in page


ACTS = (
    "approve", "reject", "resolve", "stop", "look_as", "reset_factor", "end_sessions", "block", "set_tier", "freeze",
    "unfreeze",
)  # fmt: skip


def buttons(client, name, row):
    """The acts that the page of a row offers."""
    page = client.get(reverse(f"admin:{name}_change", args=[row.pk]))
    assert page.status_code == 200
    text = page.content.decode()
    return {act for act in ACTS if f'"{reverse_or_none(name, act, row)}"' in text}


def reverse_or_none(name, act, row):
    try:
        return reverse(f"admin:{name}_{act}", args=[row.pk])
    except NoReverseMatch:
        return None


def test_rows_offer_what_their_state_allows(client, people):
    client.force_login(people["superuser"])
    alarm = WalletAlarm.objects.create(code="x", subject="y", detail="z", stops=True)
    assert buttons(client, "accounts_walletalarm", alarm) == {"resolve"}
    WalletAlarm.objects.update(resolved_at=timezone.now())
    assert buttons(client, "accounts_walletalarm", alarm) == set()
    trader = User.objects.create(email="trader@example.org")
    reset = SecondFactorReset.objects.create(user=trader, key="k", asked_by=people["support"], reason="lost")
    assert buttons(client, "accounts_secondfactorreset", reset) == {"stop"}
    SecondFactorReset.objects.update(state=SecondFactorReset.State.DONE, ended_at=timezone.now())
    assert buttons(client, "accounts_secondfactorreset", reset) == set()
    assert not {"look_as", "reset_factor"} & buttons(client, "accounts_user", people["support"])
    assert buttons(client, "accounts_user", trader) == {"look_as", "freeze", "end_sessions"}
    assert buttons(client, "accounts_user", people["superuser"]) == {"end_sessions"}, "nobody freezes themselves"
    User.objects.filter(pk=trader.pk).update(is_active=False)
    assert buttons(client, "accounts_user", trader) == {"unfreeze", "end_sessions"}
    User.objects.filter(pk=trader.pk).update(is_active=True)
    Authenticator.objects.create(user=trader, type=Authenticator.Type.TOTP, data={})
    assert {"look_as", "reset_factor"} <= buttons(client, "accounts_user", trader)
    mine = Account.objects.create(user=trader)
    assert {"block", "set_tier"} == buttons(client, "accounts_account", mine), "there is no block to take back"


@pytest.mark.parametrize("role", roles.ROLES)
def test_links_of_a_user_and_an_account_lead_nowhere_that_is_refused(client, people, role):
    trader = User.objects.create(email="trader@example.org")
    account = Account.objects.create(user=trader)
    client.force_login(people[role])
    for name, row in (("accounts_user", trader), ("accounts_account", account)):
        page = client.get(reverse(f"admin:{name}_change", args=[row.pk])).content.decode()
        links = re.findall(r'<a class="mr-4 underline" href="([^"]+)"', page)
        assert links
        for link in links:
            assert client.get(html.unescape(link)).status_code == 200, (role, link)
