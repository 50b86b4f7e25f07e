"""The ledger on real rows: only added to, balanced by the database itself, and the same story from every side."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts.ledger.models import BalanceStep
from accounts.models import FEES_ACCOUNT_ID, Account, Balance, LedgerPosting
from accounts.tests.unguarded import unguarded
from marketdata.models import Asset
from matching.tests.flows import random_commands
from trading.ledger import selectors
from trading.ledger.checks import check_ledger
from trading.ledger.legs import legs_of_fill
from trading.ledger.models import LedgerEntry
from trading.ledger.selectors import balance_at, entries_of, page_of, totals_before
from trading.models import Checkpoint, Fill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


@pytest.fixture
def written(published, writers):
    published.stood_at = []
    for seed in range(3):  # Several transactions of the writer.
        published.run(random_commands(30 + seed, 400))
        writers.run(published.engine.n)
        published.stood_at.append(Checkpoint.objects.get().seq)
    return published


def posting(leg: int, units: int, seq: int = 10**6) -> LedgerPosting:
    asset = Asset.objects.get(symbol="SOL")
    at = timezone.now()
    return LedgerPosting(id=seq * 8 + leg, seq=seq, at=at, kind="credit", account_id=1001, asset=asset, units=units)


def test_rows_are_only_added(written):
    """One set of rows for all of it: nothing of this may change them."""
    obeyed = []
    for table in ("accounts_ledgerposting", "accounts_balancestep", "accounts_walletentry", "trading_fill"):
        for statement in ("DELETE FROM {}", "TRUNCATE {} CASCADE", "UPDATE {} SET account_id = 1"):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement.format(table))
            except DatabaseError as refusal:
                assert "append-only" in str(refusal)  # noqa: PT017 - that there is one is asserted below.
            else:
                obeyed.append(statement.format(table))
    assert obeyed == []


def test_legs_that_do_not_sum_to_zero_are_refused(written):
    with pytest.raises(DatabaseError, match="sum to 5 in asset"):
        LedgerPosting.objects.bulk_create([posting(0, -5), posting(1, 10)])
    with pytest.raises(DatabaseError, match="sum to -5"):
        posting(0, -5).save(force_insert=True)
    LedgerPosting.objects.bulk_create([posting(0, -5), posting(1, 5)])


def test_a_fill_without_its_other_side_is_refused(written):
    fill = Fill.objects.first()
    fill.pk = 10**7
    with pytest.raises(DatabaseError, match="two sides of one trade"):
        fill.save(force_insert=True)


def test_every_event_sums_to_zero_and_every_account_to_its_balance(written):
    sums = LedgerEntry.objects.order_by().values("seq", "asset").annotate(total=Sum("units"))
    assert sums.count() > 300
    assert not sums.exclude(total=0).exists()
    assert Balance.objects.filter(account_id=FEES_ACCOUNT_ID).exists()
    for row in Balance.objects.all():
        assert totals_before(row.account_id)[row.asset_id] == row.available_units + row.locked_units
        assert balance_at(row.account_id, row.asset_id, timezone.now()) == (row.available_units, row.locked_units)


def test_what_is_read_in_python_is_what_the_view_says(written):
    for account in Account.objects.exclude(kind="outside"):
        view = list(
            LedgerEntry.objects.filter(account=account).order_by("id").values_list("id", "kind", "asset_id", "units")
        )
        read = [(entry.id, entry.kind, entry.asset_id, entry.units) for entry in entries_of(account.pk)]
        assert read == view
        assert [entry.id for entry in entries_of(account.pk, newest_first=True)] == [row[0] for row in reversed(view)]
        pages, before = [], None
        while page := page_of(account.pk, 7, before_id=before):
            pages += [entry.id for entry in page]
            before = page[-1].id
        assert pages == [row[0] for row in reversed(view)]
    assert len({entry.kind for entry in entries_of(1001)}) >= 3


@pytest.mark.parametrize("symbol", [None, "SOL", "USDC"])
@pytest.mark.parametrize("kinds", [frozenset(), frozenset({"fee"}), frozenset({"trade"}), frozenset({"credit"})])
def test_a_filter_finds_what_the_view_has_and_reads_no_fills_for_nothing(written, monkeypatch, symbol, kinds):
    read = []

    def counted(fill_id, *fill):
        read.append(fill_id)
        return legs_of_fill(fill_id, *fill)

    monkeypatch.setattr(selectors, "legs_of_fill", counted)
    asset_id = None if symbol is None else Asset.objects.get(symbol=symbol).pk
    view = LedgerEntry.objects.filter(account_id=1001).order_by("id")
    view = view if asset_id is None else view.filter(asset_id=asset_id)
    view = view.filter(kind__in=kinds) if kinds else view
    found = [entry.id for entry in entries_of(1001, asset_id=asset_id, kinds=kinds)]
    assert found == list(view.values_list("id", flat=True))
    if kinds == {"credit"}:
        assert read == []
    elif kinds == {"fee"}:
        assert len(read) == Fill.objects.filter(pk__in=read).exclude(fee_units=0).count()


def test_a_bounded_check_finds_what_is_new_and_proves_the_rest_by_steps(written):
    found: list[str] = []
    for since in (0, *written.stood_at):
        check_ledger(found.append, since)
    assert found == []
    with unguarded():
        BalanceStep.objects.filter(account_id=1001, seq__lte=written.stood_at[0]).update(available_units=10**9)
    check_ledger(found.append, written.stood_at[0])
    assert "account 1001" in found[0]
