"""Every admin page opens for staff, money tables cannot be edited, and a halt asks for a reason."""

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account, ApiKey, AuditEntry, Balance, LedgerPosting, RateTier, User
from marketdata.models import Asset, Market, Trade
from matching.tests.flows import random_commands
from trading.models import Checkpoint, Fill, Order

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]
OURS = [Account, ApiKey, Asset, AuditEntry, Checkpoint, Fill, LedgerPosting, Market, Order, Trade, User]
READ_ONLY = [ApiKey, AuditEntry, Checkpoint, Fill, LedgerPosting, Order, Trade]


@pytest.fixture
def staff(client):
    user = User.objects.create_superuser("operator@example.org", "correct horse battery")
    client.force_login(user)
    return client


@pytest.fixture
def history(published, writers):
    published.run(random_commands(1, 300))
    writers.run(published.engine.n)
    account = Account.objects.get(pk=1001)
    ApiKey.objects.create(account=account, public_key="x" * 44, name="bot")
    AuditEntry.objects.create(action="test", subject="x")


def url(model, page, *arguments):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def test_every_list_and_row_opens(staff, history):
    for model in OURS:
        assert staff.get(url(model, "changelist")).status_code == 200, model
        assert staff.get(url(model, "changelist"), {"q": "1001"}).status_code == 200, model
        assert staff.get(url(model, "change", model.objects.first().pk)).status_code == 200, model


def test_an_account_shows_its_balances(staff, history):
    balance = Balance.objects.select_related("asset").get(account_id=1001, asset__symbol="USDC")
    page = staff.get(url(Account, "change", 1001)).content.decode()
    assert f"USDC: {balance.asset.spec().format(balance.available_units)} USDC available" in page


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_engine_owns_cannot_be_edited(staff, history, model):
    site = admin.site._registry[model]
    request = staff.get(url(model, "changelist")).wsgi_request
    assert not site.has_add_permission(request)
    assert not site.has_change_permission(request)
    assert not site.has_delete_permission(request)
    assert staff.post(url(model, "change", model.objects.first().pk), {}).status_code == 403


def test_of_an_account_only_the_rate_tier_is_set_by_hand(staff, history):
    tier = RateTier.objects.create(name="test", requests_per_minute=100)
    before = Account.objects.values("user_id", "kind", "created_at").get(pk=1001)
    staff.post(
        url(Account, "change", 1001), {"rate_tier": tier.pk, "kind": "house", "user": "", "created_at": "2020-01-01"}
    )
    assert Account.objects.get(pk=1001).rate_tier == tier
    assert Account.objects.values("user_id", "kind", "created_at").get(pk=1001) == before
    assert staff.get(url(Account, "add")).status_code == 403
    assert staff.post(url(Account, "delete", 1001), {"post": "yes"}).status_code == 403


def test_strangers_are_sent_to_the_login(client):
    answer = client.get("/admin/")
    assert answer.status_code == 302
    client.force_login(User.objects.create_user("trader@example.org"))
    assert client.get("/admin/").status_code in (302, 403)


def test_a_halt_asks_for_a_reason_and_tells_the_engine(staff, published, writers, monkeypatch, settings):
    settings.STAFF_ONE_PERSON = True
    published.run(random_commands(1, 0))

    def send_many(commands, timeout_s):
        published.run(commands)
        writers.run(published.engine.n)
        return published.answers

    monkeypatch.setattr("matching.client.blocking.send_many", send_many)
    market = Market.objects.get(symbol="SOL_USDC")
    halt = reverse("admin:marketdata_market_halt", args=[market.pk])
    assert "Halt SOL_USDC" in staff.get(halt).content.decode()
    assert staff.post(halt, {"reason": ""}).status_code == 200
    assert AuditEntry.objects.count() == 0
    assert staff.post(halt, {"reason": "odd prices"}).status_code == 302
    market.refresh_from_db()
    assert (market.state, market.state_reason) == ("CancelOnly", "odd prices")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.reason, entry.actor.email) == ("market.state", "odd prices", "operator@example.org")
    staff.post(reverse("admin:marketdata_market_resume", args=[market.pk]), {"reason": "fine again"})
    fees = reverse("admin:marketdata_market_change_fees", args=[market.pk])
    staff.post(fees, {"tier": 0, "maker_percent": "0.0005", "taker_percent": "0.0007", "reason": "campaign"})
    market.refresh_from_db()
    assert (market.state, market.maker_fee_ppm, market.taker_fee_ppm) == ("Open", 5, 7)


def test_saving_a_market_does_not_overwrite_what_the_engine_said(staff, history):
    market = Market.objects.get(symbol="SOL_USDC")
    state = market.state
    staff.post(url(Market, "change", market.pk), {"position": 3, "state": "Closed", "maker_fee_ppm": 1})
    market.refresh_from_db()
    assert (market.position, market.state) == (3, state)


def test_a_key_can_be_revoked(staff, history):
    key = ApiKey.objects.get()
    staff.post(url(ApiKey, "changelist"), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key.revoked_at <= timezone.now()
    assert AuditEntry.objects.filter(action="api_key.revoke").exists()


def test_a_market_whose_numbers_do_not_fit_is_explained(staff):
    sol, usdc = Asset.objects.get(symbol="SOL"), Asset.objects.get(symbol="USDC")
    form = {
        "symbol": "USDC_SOL",
        "base": usdc.pk,
        "quote": sol.pk,
        "tick_size": "0.0001",
        "step_size": "0.0001",
        "min_quantity": "0.0001",
        "max_open_orders": 5,
        "maker_fee_ppm": 1,
        "taker_fee_ppm": 1,
        "position": 1,
    }
    page = staff.post(url(Market, "add"), form).content.decode()
    assert "Tick times step must be a whole number" in page
    assert not Market.objects.filter(symbol="USDC_SOL").exists()
