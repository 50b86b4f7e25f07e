"""The admin's first page says in one sentence whether everything is all right, and what is not."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone

from accounts.ledger.models import Reconciliation
from accounts.services import create_user
from accounts.wallet.models import WalletAlarm
from exchange_site.kernel.redis_names import ENGINE
from exchange_site.news.models import Incident
from exchange_site.ops import jobs, state
from exchange_site.ops.models import JobRun
from marketdata.models import Asset

pytestmark = pytest.mark.django_db


@pytest.fixture
def engine_leads(log, settings, tmp_path):
    settings.HOME_DIR = settings.JOURNAL_DIR = settings.SNAPSHOT_DIR = tmp_path
    cache.delete(state.RATE_KEY)
    log.hset(
        ENGINE,
        mapping={
            "term": 3,
            "n": 500,
            "db_n": 500,
            "status": "open",
            "lease_until_ms": 2**50,
            "admitted": 9,
            "processed": 9,
        },
    )


def tone_of(name):
    return {tile.name: tile.tone for tile in state.tiles()}[name]


def test_an_engine_that_leads_is_good_news(engine_leads):
    found = {tile.name: tile for tile in state.tiles()}
    assert (found["Engine"].word, found["Engine"].tone) == ("open", state.GOOD)
    assert found["Term"].word == "3"
    assert found["Database behind"].tone == state.GOOD


@pytest.mark.parametrize(
    ("field", "value", "tile"),
    [
        ("lease_until_ms", 1, "Engine"),
        ("status", "cancel_only", "Engine"),
        ("db_n", -100_000, "Database behind"),
        ("admitted", 1_000_000, "Commands waiting"),
    ],
)
def test_bad_news_of_the_engine_is_seen(engine_leads, log, field, value, tile):
    assert tone_of(tile) == state.GOOD
    log.hset(ENGINE, field, value)
    assert tone_of(tile) == state.BAD
    assert tile in state.verdict(state.tiles()).detail


def test_a_server_that_is_away_is_bad_news_and_not_a_broken_page(settings):
    settings.REDIS_LOG_URL = "redis://127.0.0.1:9/0"
    found = {tile.name: tile for tile in state.tiles()}
    assert (found["Engine"].word, found["Engine"].tone) == ("not known", state.BAD)
    assert found["Wallet alarms"].tone == state.GOOD


def test_a_difference_names_its_asset(engine_leads):
    Asset.objects.create(symbol="BTC", name="Bitcoin", decimals=8, blockchain="Bitcoin")
    Asset.objects.create(symbol="SOL", name="Solana", decimals=9, blockchain="Solana")
    now = timezone.now()
    Reconciliation.objects.create(started_at=now, finished_at=now, scope="full", equal=True, n=7)
    proven = {tile.name: tile.word for tile in state.tiles()}
    assert proven["BTC"].startswith("proven since")
    Reconciliation.objects.create(
        started_at=now,
        finished_at=now,
        scope="full",
        equal=False,
        difference_count=1,
        differences=["BTC: engine has 2"],
    )
    assert (tone_of("BTC"), tone_of("SOL"), tone_of("Reconciled")) == (state.BAD, state.WATCH, state.BAD)


@pytest.mark.parametrize(("demo", "tone"), [(True, state.WATCH), (False, state.BAD)])
def test_that_nothing_was_ever_backed_up_is_never_good_news(engine_leads, settings, demo, tone):
    settings.DEMO_MODE = demo
    found = {tile.name: tile for tile in state.tiles()}
    assert (found["Last backup"].word, found["Last backup"].tone) == ("never", tone)
    assert state.verdict(list(found.values())).tone != state.GOOD


def test_alarms_and_incidents_are_seen(engine_leads):
    WalletAlarm.objects.create(code="x", subject="x", detail="x", stops=True)
    Incident.objects.create(title="Slow history")
    found = {tile.name: tile for tile in state.tiles()}
    assert found["Wallet alarms"].tone == state.BAD
    assert found["Open incidents"].detail == "Slow history"


def test_the_page_and_its_live_part(engine_leads, client):
    assert client.get(reverse("admin_live")).status_code == 403
    client.force_login(create_user("operator@example.org", "correct horse battery", staff=True))
    page = client.get("/admin/").content.decode()
    assert 'data-live="/admin/live"' in page
    assert "Database behind" in page
    assert "Deposit addresses" in page
    assert "addresss" not in page
    part = client.get(reverse("admin_live"))
    assert part["Cache-Control"] == "no-store"
    assert "ops-verdict" in part.content.decode()


def test_a_broken_audit_log_stays_bad_news(engine_leads):
    assert state.AUDIT_JOB in jobs.BY_NAME
    assert tone_of("Audit log") == state.GOOD
    old = timezone.now() - timedelta(days=3)
    JobRun.objects.create(job=state.AUDIT_JOB, state=JobRun.State.DONE, started_at=old)
    assert tone_of("Audit log") == state.WATCH
    JobRun.objects.create(job=state.AUDIT_JOB, state=JobRun.State.FAILED, started_at=old, said="Row 7 is wrong")
    JobRun.objects.create(job=state.AUDIT_JOB, state=JobRun.State.SKIPPED, started_at=timezone.now())
    found = {tile.name: tile for tile in state.tiles()}["Audit log"]
    assert (found.tone, "Row 7 is wrong" in found.detail) == (state.BAD, True)
