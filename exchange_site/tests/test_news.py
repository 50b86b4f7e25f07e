"""Announcements, the status page, and the latencies on it."""

from datetime import timedelta
from urllib.error import URLError

import pytest
from django.utils import timezone

from accounts.models import AuditEntry
from accounts.services import create_user
from exchange_site.news import probe, selectors
from exchange_site.news.models import Announcement, Incident, LatencySample
from exchange_site.tests.api_rig import forget_caches, make_market
from marketdata import halt
from marketdata.halt import Halt
from matching.client.blocking import NotAdmitted

pytestmark = pytest.mark.django_db

NOW = timezone.now


@pytest.fixture(autouse=True)
def market():
    forget_caches()
    yield make_market()
    forget_caches()


def announce(**more):
    return Announcement.objects.create(**{"title": "New market", "text": "ETH/BTC opens.", "is_banner": True, **more})


def test_a_banner_is_closed_in_one_browser(client):
    row = announce()
    assert "New market" in client.get("/markets").content.decode()
    assert client.post(f"/announcements/{row.pk}/dismiss", {"next": "/status"})["Location"] == "/status"
    assert "New market" not in client.get("/markets").content.decode()
    assert "ETH/BTC opens." in client.get("/announcements").content.decode()
    announce(title="Another one")
    assert "Another one" in client.get("/markets").content.decode()


def test_a_banner_is_closed_for_an_account(client):
    alice = create_user("alice@example.org", "correct horse battery")
    client.force_login(alice)
    client.post(f"/announcements/{announce().pk}/dismiss")
    client.cookies.clear()
    client.force_login(alice)
    assert "New market" not in client.get("/markets").content.decode()


def test_banners_come_and_go_by_the_clock(client):
    announce(title="Later", starts_at=NOW() + timedelta(hours=1))
    announce(title="Over", starts_at=NOW() - timedelta(hours=2), ends_at=NOW() - timedelta(hours=1))
    assert selectors.banner_for(0) is None
    assert [row.title for row in selectors.announcements()] == ["Over"]
    assert client.post("/announcements/999/dismiss").status_code == 404


def test_the_text_of_staff_is_no_markup(client):
    announce(title="<b>bold</b>", text="<script>alert(1)</script>")
    text = client.get("/announcements").content.decode()
    assert "<script>alert" not in text
    assert "<b>bold" not in text


def test_the_status_page_tells_who_stopped_trading_and_why(client, monkeypatch):
    assert "All markets are open" in client.get("/status").content.decode()
    stop = Halt(NOW(), "eve@example.org", "the feed went mad")
    monkeypatch.setattr(halt, "_source", lambda: stop)
    text = client.get("/status").content.decode()
    assert "All trading is stopped" in text
    assert "by eve. " in text
    assert "eve@example.org" not in text
    assert "the feed went mad." in text
    assert "Stopped" in text


def test_the_status_page_tells_which_market_is_halted(client, market):
    market.state, market.state_reason = "CancelOnly", "maintenance of the node"
    market.save()
    text = client.get("/status").content.decode()
    assert "Not every market is open" in text
    assert "maintenance of the node" in text


def test_incidents_are_open_until_they_end(client):
    row = Incident.objects.create(title="Slow answers", affected="All markets")
    row.updates.create(text="We are looking into it.")
    text = client.get("/status").content.decode()
    assert "Something is not as it should be" in text
    assert "We are looking into it." in text
    row.ended_at = NOW()
    row.save()
    text = client.get("/status").content.decode()
    assert "All markets are open" in text
    assert "Slow answers" in text


def test_latencies_are_medians_of_what_was_answered(client):
    for engine_us in (3_000, 1_000, 2_000, None):
        LatencySample.objects.create(engine_us=engine_us, database_us=500, web_us=700)
    LatencySample.objects.create(engine_us=9, database_us=9, web_us=9, at=NOW() - timedelta(hours=25))
    engine = selectors.latencies()[0]
    assert (engine.measured, engine.answered, engine.median_us, engine.most_us) == (4, 3, 2_000, 3_000)
    text = client.get("/status").content.decode()
    assert "3 of 4" in text
    assert "2.0" in text


def test_a_part_that_does_not_answer_is_noted_and_stops_nothing(monkeypatch):
    def away(*_args, **_named):
        raise NotAdmitted("unreachable")

    def no_web(*_args, **_named):
        raise URLError("refused")

    monkeypatch.setattr(probe.blocking, "send_many", away)
    monkeypatch.setattr(probe, "urlopen", no_web)
    sample = probe.measure()
    assert (sample.engine_us, sample.web_us) == (None, None)
    assert sample.database_us > 0


def test_staff_writes_incidents_in_the_admin(client):
    staff = create_user("staff@example.org", "correct horse battery", staff=True)
    client.force_login(staff)
    form = {
        "title": "Slow answers", "severity": "minor", "affected": "", "started_at_0": "2026-03-01",
        "started_at_1": "10:00:00", "ended_at_0": "2026-03-01", "ended_at_1": "09:00:00",
        "updates-TOTAL_FORMS": "1", "updates-INITIAL_FORMS": "0", "updates-MIN_NUM_FORMS": "0",
        "updates-MAX_NUM_FORMS": "1000", "updates-0-text": "We look.", "updates-0-at_0": "2026-03-01",
        "updates-0-at_1": "10:05:00",
    }  # fmt: skip
    refused = client.post("/admin/exchange_site/incident/add/", form)
    assert "It would end before it starts." in refused.content.decode()
    form["ended_at_1"] = "11:00:00"
    assert client.post("/admin/exchange_site/incident/add/", form).status_code == 302
    assert Incident.objects.get().updates.get().text == "We look."
    assert AuditEntry.objects.filter(action="incident.add", actor=staff).exists()
