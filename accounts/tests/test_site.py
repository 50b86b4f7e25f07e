"""Favourites, preferences, sign-ins and sessions: what people keep on the site."""

import pytest
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client

from accounts.models import User
from accounts.services import create_user
from accounts.site import favourites
from accounts.site.devices import device_of
from accounts.site.models import Favourite, Preference, SignIn
from marketdata import selectors
from marketdata.models import Asset, Market

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


@pytest.fixture
def market():
    selectors._specs = (0.0, {})
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    sizes = {"tick_size": "0.01", "step_size": "0.01", "min_quantity": "0.01"}
    yield Market.objects.create(symbol="SOL_USDC", base=sol, quote=usdc, listed=True, **sizes)
    selectors._specs = (0.0, {})


@pytest.fixture
def alice():
    return create_user("alice@example.org", PASSWORD)


def log_in(client, agent=FIREFOX):
    client.post("/accounts/login/", {"login": "alice@example.org", "password": PASSWORD}, headers={"user-agent": agent})


# ------------------------------------------------------------------------------------------------------ favourites
def test_a_star_is_put_and_taken_by_script_and_by_form(client, market, alice):
    client.force_login(alice)
    done = client.post("/favourites/SOL_USDC", {"on": "1"}, headers={"accept": "application/json"})
    assert done.json() == {"symbol": "SOL_USDC", "favourite": True}
    again = client.post("/favourites/SOL_USDC", {"on": "1"}, headers={"accept": "application/json"})
    assert again.json()["favourite"] is True
    assert Favourite.objects.count() == 1
    assert client.post("/favourites/SOL_USDC", {"next": "/trade/SOL_USDC"})["Location"] == "/trade/SOL_USDC"
    assert not Favourite.objects.exists()
    assert client.post("/favourites/SOL_USDC", {"next": "https://evil.example"})["Location"] == "/markets"
    assert 'aria-pressed="true"' in client.get("/markets?quote=favourites").content.decode()


def test_a_star_needs_a_login_and_a_market(client, market, alice):
    refused = client.post("/favourites/SOL_USDC", headers={"accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED")
    assert "/accounts/login/" in client.post("/favourites/SOL_USDC")["Location"]
    assert client.get("/favourites/SOL_USDC").status_code == 405
    client.force_login(alice)
    assert client.post("/favourites/DOGE_USDC").status_code == 404


def test_stars_are_limited(client, market, alice, monkeypatch):
    monkeypatch.setattr(favourites, "MOST", 0)
    client.force_login(alice)
    refused = client.post("/favourites/SOL_USDC", {"on": "1"}, headers={"accept": "application/json"})
    assert refused.status_code == 400
    assert "not kept" in refused.json()["message"]


# ----------------------------------------------------------------------------------------------------- preferences
CHOSEN = {"theme": "contrast", "pair": "blue-orange", "density": "comfortable", "language": "de", "numbers": "space"}


def test_a_guest_keeps_preferences_in_the_browser(client, market):
    client.post("/preferences", {**CHOSEN, "sounds": "on"})
    text = client.get("/preferences").content.decode()
    for sign in (
        'data-theme="contrast"',
        'data-pair="blue-orange"',
        'data-numbers="space"',
        'lang="de"',
        'data-sounds="on"',
    ):
        assert sign in text
    assert not Preference.objects.exists()


def test_an_account_has_the_same_preferences_everywhere(client, market, alice):
    client.force_login(alice)
    client.post("/preferences", {**CHOSEN, "confirm_orders": "on"})
    row = Preference.objects.get(user=alice)
    assert (row.theme, row.language, row.sounds, row.confirm_orders) == ("contrast", "de", False, True)
    client.cookies.clear()
    client.force_login(alice)
    assert 'data-theme="contrast"' in client.get("/markets").content.decode()


@pytest.mark.parametrize("bad", ["<bad>", "purple", "x" * 500])
def test_unknown_preferences_are_as_if_none_was_chosen(client, market, bad):
    client.post("/preferences", dict.fromkeys(CHOSEN, bad))
    client.cookies["preferences"] = f"numbers={bad}&language={bad}&seen_announcement={bad}"
    text = client.get("/markets").content.decode()
    assert 'data-numbers="point"' in text
    assert bad not in text


# ------------------------------------------------------------------------------------------- sign-ins and sessions
@pytest.mark.parametrize(
    ("agent", "device"),
    [(FIREFOX, "Firefox, Linux"), (CHROME, "Chrome, Android"), ("curl/8.5.0", "curl/8.5.0"), ("", "")],
)
def test_devices_have_words(agent, device):
    assert device_of(agent) == device


def test_a_new_device_is_told_by_mail_and_the_first_is_not(client, alice):
    log_in(client)
    assert mail.outbox == []
    client.logout()
    log_in(client)
    assert mail.outbox == []
    client.logout()
    log_in(client, CHROME)
    (told,) = mail.outbox
    assert told.to == ["alice@example.org"]
    assert "Chrome, Android" in told.body
    assert "/account/security" in told.body
    assert [row.is_new_device for row in SignIn.objects.order_by("at")] == [False, False, True]
    assert SignIn.objects.first().method == "password"


def test_the_security_page_lists_and_ends_sessions(client, alice, market):
    log_in(client)
    other = Client()
    log_in(other, CHROME)
    text = client.get("/account/security").content.decode()
    assert "This one" in text
    assert "Chrome, Android" in text
    foreign = UserSession.objects.get(session_key=other.session.session_key)
    assert client.post(f"/account/sessions/{foreign.pk}/end").status_code == 302
    assert "/accounts/login/" in other.get("/wallet")["Location"]
    assert client.get("/wallet").status_code == 200
    assert client.post(f"/account/sessions/{foreign.pk}/end").status_code == 404


def test_all_other_sessions_end_at_once(client, alice, market):
    log_in(client)
    others = [Client(), Client()]
    for other in others:
        log_in(other, CHROME)
    assert "End all other sessions?" in client.get("/account/sessions/end-others").content.decode()
    assert others[0].get("/wallet").status_code == 200
    assert "2 other sessions are ended" in client.post("/account/sessions/end-others", follow=True).content.decode()
    for other in others:
        assert other.get("/wallet").status_code == 302
    assert client.get("/wallet").status_code == 200


def test_nobody_ends_the_sessions_of_others(client, alice, market):
    log_in(client)
    mallory = create_user("mallory@example.org", PASSWORD)
    row = UserSession.objects.get()
    client.logout()
    client.force_login(User.objects.get(pk=mallory.pk))
    assert client.post(f"/account/sessions/{row.pk}/end").status_code == 404


@pytest.mark.parametrize("path", ["/account/security", "/portfolio", "/account"])
def test_own_pages_need_a_login(client, market, path):
    assert client.get(path)["Location"] == f"/accounts/login/?next={path}"


# ----------------------------------------------------------------------------------------------------------- mails
def test_a_mail_for_a_new_password_is_plain_text(client, alice, settings):
    settings.SITE_NAME = "Venue"
    client.post("/accounts/password/reset/", {"email": "alice@example.org"})
    (told,) = mail.outbox
    assert "A new password was asked for, for your account at Venue." in told.body
    assert "/accounts/password/reset/key/" in told.body
    assert "<" not in told.body
    assert told.alternatives == []


def test_signing_up_asks_for_a_confirmation_in_the_readers_language(client, market, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    client.post(
        "/accounts/signup/",
        {"email": "new@example.org", "password1": PASSWORD},
        headers={"accept-language": "de"},
    )
    (told,) = mail.outbox
    assert "Bestätigen Sie Ihre Adresse" in told.subject
    assert "/accounts/confirm-email/" in told.body
