"""The demo venue, made by a real engine core and written by the real db writer; running it again changes nothing."""

import json

import pytest
from django.core.management import call_command

from accounts.models import Account, ApiKey, AuditEntry, Balance, LedgerPosting, User
from marketdata.models import Market
from matching.client.dump import describe
from trading import reconcile as reconciling

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def venue(published, writers, venue_accounts, monkeypatch, settings, tmp_path):
    settings.HOME_DIR = tmp_path

    def send_many(commands, timeout_s):
        published.run(commands)
        writers.run(published.engine.n)
        return published.answers

    monkeypatch.setattr("matching.client.blocking.send_many", send_many)
    monkeypatch.setattr(reconciling, "engine_dump", lambda n: describe(published.engine, published.chain))
    return published


def test_seed_makes_a_whole_venue_and_repeating_it_changes_nothing(venue, tmp_path):
    call_command("seed")
    assert list(Market.objects.filter(listed=True).values_list("symbol", flat=True)) == [
        "SOL_USDC",
        "BTC_USDC",
        "ETH_USDC",
        "ETH_BTC",
    ]
    logins = json.loads((tmp_path / "demo.json").read_text())
    assert list(logins) == ["operator@example.org", "operator2@example.org", "alice@example.org", "bob@example.org"]
    assert User.objects.get(email="operator@example.org").check_password(logins["operator@example.org"])
    assert User.objects.get(email="operator@example.org").is_staff
    for path in (tmp_path / "demo.json", tmp_path / "keys/market_maker.json", tmp_path / "keys/market_taker.json"):
        assert path.stat().st_mode & 0o777 == 0o600
    maker = json.loads((tmp_path / "keys/market_maker.json").read_text())
    key = ApiKey.objects.get(public_key=maker["public_key"])
    assert key.account.user.email == "maker@example.org"
    assert key.can_trade
    assert not key.account.user.has_usable_password()
    alice = Account.objects.get(user__email="alice@example.org")
    held = {row.asset.symbol: row.asset.spec().format(row.available_units) for row in alice.balances.all()}
    assert held == {"USDC": "50000", "SOL": "100", "BTC": "1", "ETH": "10"}
    before = everything(tmp_path)
    call_command("seed")
    assert everything(tmp_path) == before
    assert reconciling.reconcile().differences == []


def everything(path):
    return (
        list(Balance.objects.order_by("account_id", "asset_id").values_list()),
        LedgerPosting.objects.count(),
        User.objects.count(),
        ApiKey.objects.count(),
        Market.objects.count(),
        {file.name: file.read_text() for file in path.rglob("*.json")},
    )


def test_a_lost_password_file_gets_new_passwords(venue, tmp_path):
    call_command("seed", "--database")
    (tmp_path / "demo.json").unlink()
    call_command("seed", "--database")
    logins = json.loads((tmp_path / "demo.json").read_text())
    assert User.objects.get(email="bob@example.org").check_password(logins["bob@example.org"])


def test_fund_pays_through_the_engine(venue, capsys):
    call_command("seed")
    call_command("fund", "bob@example.org", "BTC", "0.25", "--reference", "gift-1")
    call_command("fund", "bob@example.org", "BTC", "0.25", "--reference", "gift-1")
    assert "bob@example.org has 1.25 BTC available" in capsys.readouterr().out
    assert reconciling.reconcile().differences == []


def test_a_halt_is_on_record_and_comes_back_from_the_engine(venue):
    from marketdata import rules
    from marketdata.staff_acts import By
    from matching.messages import MarketState

    call_command("seed")
    market = Market.objects.get(symbol="SOL_USDC")
    operator = User.objects.get(email="operator@example.org")
    rules.set_market_state(market, MarketState.CANCEL_ONLY, By(operator, "a test"))
    market.refresh_from_db()
    assert (market.state, market.state_reason) == ("CancelOnly", "a test")
    entry = AuditEntry.objects.get(action="market.state")
    assert (entry.actor, entry.subject, entry.reason) == (operator, "SOL_USDC: CancelOnly", "a test")
    rules.set_market_fees(market, "0.001", "0.002", By(operator, "cheaper"))
    market.refresh_from_db()
    assert (market.maker_fee_ppm, market.taker_fee_ppm) == (10, 20)
