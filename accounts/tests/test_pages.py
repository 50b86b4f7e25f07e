"""Signing up and in, the wallet and the faucet, as pages."""

import pytest

from accounts.models import Balance, User
from accounts.services import create_user
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata import selectors
from marketdata.models import Asset, Market, MarketFigures

pytestmark = pytest.mark.django_db


@pytest.fixture
def market():
    selectors._specs = (0.0, {})
    sol = Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    usdc = Asset.objects.create(symbol="USDC", name="USD Coin", decimals=6, blockchain="Solana")
    sizes = {"tick_size": "0.01", "step_size": "0.01", "min_quantity": "0.01"}
    market = Market.objects.create(symbol="SOL_USDC", base=sol, quote=usdc, listed=True, **sizes)
    market.refresh_from_db()
    MarketFigures.objects.create(market=market, last_price_ticks=16_842)
    yield market
    selectors._specs = (0.0, {})


@pytest.fixture
def alice(market):
    account = create_user("alice@example.org", "correct horse battery").account
    Balance.objects.create(account=account, asset=market.base, available_units=1_500_000_000, locked_units=500_000_001)
    return account


def test_signing_up_takes_an_address_and_a_long_password(client, market):
    text = client.get("/accounts/signup/").content.decode()
    assert "Create your account" in text
    assert "168.42" in text
    assert " style=" not in text
    short = client.post("/accounts/signup/", {"email": "new@example.org", "password1": "elevenchars"})
    assert "at least 12 characters" in short.content.decode()
    assert not User.objects.exists()
    done = client.post("/accounts/signup/", {"email": "new@example.org", "password1": "correct horse battery"})
    assert done.status_code == 302
    assert User.objects.get().account


def test_a_wrong_password_is_said_beside_the_form(client, alice):
    text = client.post("/accounts/login/", {"login": "alice@example.org", "password": "nonsense"}).content.decode()
    assert 'role="alert"' in text


@pytest.mark.parametrize(
    "path", ["/accounts/password/reset/", "/accounts/logout/", "/accounts/2fa/", "/account", "/accounts/email/"]
)
def test_the_other_pages_of_an_account_have_the_same_frame(client, alice, path):
    client.force_login(alice.user)
    answer = client.get(path)
    assert answer.status_code == 200
    assert 'class="site-bar"' in answer.content.decode()


def test_the_wallet_values_in_cents_rounded_down(client, alice):
    client.force_login(alice.user)
    text = client.get("/wallet").content.decode()
    assert "2.000000001" in text
    assert "336.84" in text
    assert "0.500000001" in text


def test_the_wallet_is_for_those_who_are_logged_in(client, market):
    assert client.get("/wallet")["Location"] == "/accounts/login/?next=/wallet"


def test_demo_funds_by_form_and_by_script(client, alice, monkeypatch):
    given = []
    monkeypatch.setattr("accounts.pages.views.credit_demo_funds", given.append)
    client.force_login(alice.user)
    assert client.post("/wallet/faucet", {"next": "/trade/SOL_USDC"})["Location"] == "/trade/SOL_USDC"
    assert client.post("/wallet/faucet", {"next": "https://evil.example"})["Location"] == "/wallet"
    assert client.post("/wallet/faucet", headers={"accept": "application/json"}).json() == {"status": "Ok"}
    assert given == [alice, alice, alice]


def test_a_refused_faucet_says_why(client, alice, monkeypatch):
    def refuse(account):
        raise ApiError(errors.TOO_MANY_REQUESTS, "Demo funds come once in 24 hours")

    monkeypatch.setattr("accounts.pages.views.credit_demo_funds", refuse)
    client.force_login(alice.user)
    answer = client.post("/wallet/faucet", headers={"accept": "application/json"})
    assert answer.status_code == 429
    assert answer.json()["code"] == "TOO_MANY_REQUESTS"
    assert "once in 24 hours" in client.post("/wallet/faucet", follow=True).content.decode()


def test_no_demo_funds_where_money_is_real(client, alice, settings):
    settings.DEMO_MODE = False
    client.force_login(alice.user)
    assert client.post("/wallet/faucet").status_code == 404
