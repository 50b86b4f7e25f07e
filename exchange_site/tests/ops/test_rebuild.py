"""G24: the journal's disk is lost, and the database makes a new beginning of the engine's history."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.audit.models import AuditEntry
from accounts.models import Balance
from exchange_site.ops.rebuild import RebuildRefused, state
from exchange_site.ops.rebuild.wallet import WalletState
from matching.client.dump import describe
from matching.core.state import dump
from matching.runtime.readonly import load_engine_readonly
from matching.tests.published import PublishedEngine
from trading import reconcile as reconciling
from trading.tests.writer.conftest import Writers, impatient, log, published, rows, venue_accounts, writers
from trading.tests.writer.test_crowd import CrowdedVenue, crowded, reserved_by

__all__ = ["crowded", "impatient", "log", "published", "rows", "venue_accounts", "writers"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]

EXTRA, NOT_TOLD = 19, (14, 15, 17, 19)  # In a dumped order: its terms; fee rates and place, which no event tells.


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = tmp_path / "journal", tmp_path / "snapshots"


@pytest.fixture
def known_wallet(published, monkeypatch):
    """The crowd's deposits and withdrawals come without a wallet, so its rows cannot tell of them."""

    def states(n):
        venue = published.engine.venue
        entries = [(number, *entry) for number, entry in venue.wallet_log.items()]
        yield WalletState(venue.wallet_number, entries, reserved_by(published.engine))

    monkeypatch.setattr(state, "possible_states", states)


@pytest.fixture
def reconciled(published, monkeypatch):
    """Compares the database with the engine that journal and snapshots lead to now."""

    def compare():
        from django.conf import settings

        def read(n):
            return describe(*load_engine_readonly(settings.JOURNAL_DIR, settings.SNAPSHOT_DIR, n))

        monkeypatch.setattr(reconciling, "engine_dump", read)
        monkeypatch.setattr(reconciling, "reserved_at", lambda n: reserved_by(published.engine))
        return reconciling.reconcile()

    return compare


def by_id(dumped):
    return {row[0]: row for market in dumped["markets"] for row in [*market["orders"], *market["waiting"]]}


def meant(row):
    """The order's terms and where it stands with them; without what has no meaning any more, or not without them."""
    extra = row[EXTRA]
    if extra is None:
        return None
    terms, hidden, trigger, above, best, partner, is_paired, parent, received, triggered_at = extra
    if not any(value is not None for value in terms) and not is_paired and parent is None:
        return None
    has_exits = terms[4] is not None or terms[5] is not None
    return (
        terms,
        hidden,
        (trigger, above, best) if triggered_at is None else None,
        partner if is_paired else None,
        is_paired,
        parent,
        received if has_exits else None,
        triggered_at,
    )


def run(*words):
    out = StringIO()
    call_command("rebuild_from_db", *words, stdout=out)
    return out.getvalue()


YES = ("--yes", "--actor", "ops@example.org", "--reason", "the journal's disk is gone")


@pytest.mark.parametrize("crowded", range(3), indirect=True, ids=str)
def test_g24_the_rebuilt_state_is_the_engines(
    crowded: CrowdedVenue, published: PublishedEngine, writers: Writers, known_wallet
):
    for _ in range(3):
        crowded.run(900)
        writers.run(published.engine.n)
        was, now = dump(published.engine), dump(state.rebuild().engine)
        for name in ("n", "seq", "rules_version", "last_order_id", "is_halted", "tiers", "blocks", "deadlines"):
            assert now[name] == was[name], name
        assert now["withdrawals"] == was["withdrawals"]
        assert {a["symbol"]: (a["funded_units"], [r for r in a["rows"] if r[1:] != [0, 0]]) for a in now["assets"]} == {
            a["symbol"]: (a["funded_units"], [r for r in a["rows"] if r[1:] != [0, 0]]) for a in was["assets"]
        }
        first, second = by_id(was), by_id(now)
        assert first.keys() == second.keys()
        assert first, "there are open orders"
        for order_id, row in first.items():
            other = second[order_id]
            for at, value in enumerate(row):
                if at not in NOT_TOLD:
                    assert other[at] == value, (order_id, at)
            assert meant(other) == meant(row), order_id


@pytest.mark.parametrize("crowded", range(3, 5), indirect=True, ids=str)
def test_g24_an_engine_starts_from_it_and_everything_is_equal(crowded, published, writers, known_wallet, reconciled):
    crowded.run(1500)
    writers.run(published.engine.n)
    published.client.hset("eng", mapping={"term": 7})
    assert "Nothing was changed" in run()
    said = run(*YES)
    assert f"outcome {published.engine.n}" in said
    report = reconciled()
    assert (report.n, report.differences) == (published.engine.n, [])
    row = AuditEntry.objects.get(action="engine.rebuild")
    assert (row.actor_name, row.details["n"], row.details["term"]) == ("ops@example.org", published.engine.n, 8)
    with pytest.raises(CommandError, match="There is a journal"):
        run()
    assert "Written" in run(*YES, "--replace-journal")


@pytest.mark.parametrize("crowded", [7], indirect=True, ids=str)
def test_g24_it_refuses_what_cannot_be_true(crowded, published, writers, known_wallet):
    crowded.run(800)
    with pytest.raises(CommandError, match="no outcome yet"):
        run()
    writers.run(published.engine.n)
    crowded.run(50)
    with pytest.raises(CommandError, match="let the db writer finish"):
        run()
    writers.run(published.engine.n)
    with pytest.raises(CommandError, match="--actor"):
        run("--yes")
    one = Balance.objects.filter(available_units__gt=0).first()
    Balance.objects.filter(pk=one.pk).update(available_units=one.available_units + 1)
    with pytest.raises(RebuildRefused, match="contradicts itself"):
        state.rebuild()
    with pytest.raises(CommandError, match="contradicts itself"):
        run(*YES)
    assert not AuditEntry.objects.exists()
