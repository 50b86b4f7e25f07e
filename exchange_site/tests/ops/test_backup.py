"""Backups: what is sealed comes back byte for byte or not at all, and a journal can be taken back to an outcome."""

import secrets
import shutil
from pathlib import Path

import pytest
from django.conf import settings as live_settings

from exchange_site.kernel.clock import datetime_of
from exchange_site.ops.backup import BackupFailed, crypt, making, restoring
from exchange_site.ops.backup.tables import Snapshot, fill
from exchange_site.tests.api_rig import make_market
from marketdata.models import Trade
from marketdata.storage import candles, partitions
from marketdata.storage.moving import alone_with, move
from marketdata.storage.tables import KLINES, TABLES, Shape, run, shape_of

GOLDEN = Path(live_settings.BASE_DIR) / "matching/tests/golden/v1"
KEY = bytes(range(32))


@pytest.mark.parametrize("size", [0, 1, crypt.CHUNK_BYTES, 3 * crypt.CHUNK_BYTES + 17])
def test_what_is_sealed_comes_back(tmp_path, size):
    content = secrets.token_bytes(size)
    pieces = [content[at : at + 70_000] for at in range(0, size, 70_000)]
    length, _ = crypt.seal("database/x", pieces, tmp_path / "part", KEY)
    assert length == size
    assert b"".join(crypt.unseal("database/x", tmp_path / "part", KEY)) == content


@pytest.fixture
def part(tmp_path):
    path = tmp_path / "part"
    crypt.seal("journal/a", [secrets.token_bytes(3 * crypt.CHUNK_BYTES)], path, KEY)
    return path


def opened(path, name="journal/a", key=KEY):
    return b"".join(crypt.unseal(name, path, key))


def test_a_changed_byte_is_noticed_wherever_it_is(part):
    whole = part.read_bytes()
    for at in (0, 20, 26, 40, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[at] ^= 1
        part.write_bytes(bytes(changed))
        with pytest.raises(BackupFailed):
            opened(part)


def test_a_part_that_is_cut_renamed_or_of_another_key_is_noticed(part):
    whole = part.read_bytes()
    chunk = 4 + crypt.CHUNK_BYTES + crypt.TAG_BYTES
    head = len(crypt.MAGIC) + crypt.PREFIX_BYTES
    with pytest.raises(BackupFailed):
        opened(part, name="journal/b")
    with pytest.raises(BackupFailed):
        opened(part, key=bytes(32))
    for cut in (head, head + chunk, head + 2 * chunk, len(whole) - 1):
        part.write_bytes(whole[:cut])
        with pytest.raises(BackupFailed):
            opened(part)


def test_a_key_is_private_and_never_replaced(tmp_path):
    path = tmp_path / "key"
    crypt.new_key(path)
    assert path.stat().st_mode & 0o077 == 0
    assert len(crypt.read_key(path)) == 32
    with pytest.raises(FileExistsError):
        crypt.new_key(path)
    path.write_text("no key")
    with pytest.raises(BackupFailed):
        crypt.read_key(path)


@pytest.mark.django_db(transaction=True)
def test_the_tables_come_back_as_they_were():
    from accounts.audit.models import AuditEntry
    from accounts.services import create_user

    alice = create_user("alice@example.org", "correct horse battery")
    AuditEntry.objects.create(actor=alice, action="x", subject="tab\there\nand a \\ line", details={"a": [1, "ü"]})
    snapshot = Snapshot(making.database_url())
    tables = {table: snapshot.columns(table) for table in snapshot.tables()}
    saved = {table: b"".join(snapshot.rows_of(table)) for table in tables}
    snapshot.close()
    create_user("bob@example.org", "correct horse battery")
    fill(making.database_url(), tables, lambda table: [saved[table]])
    again = Snapshot(making.database_url())
    assert {table: b"".join(again.rows_of(table)) for table in tables} == saved
    again.close()
    assert create_user("carol@example.org", "correct horse battery").pk > alice.pk
    AuditEntry.objects.create(action="x", subject="the triggers are on again, and the chain goes on")


@pytest.fixture
def restored(tmp_path):
    for name in ("journal", "snapshots"):
        shutil.copytree(GOLDEN / name, tmp_path / name)
    return tmp_path / "journal", tmp_path / "snapshots"


def test_a_journal_is_taken_back_to_an_outcome(restored):
    journal, snapshot_dir = restored
    whole_n, whole_chain = restoring.engine_ends_at(journal, snapshot_dir, None)
    for path in snapshot_dir.iterdir():
        path.unlink()  # From the beginning, so that there is something before the wanted outcome.
    assert restoring.engine_ends_at(journal, snapshot_dir, None) == (whole_n, whole_chain)
    wanted = whole_n // 2
    before = restoring.engine_ends_at(journal, snapshot_dir, wanted)
    reached = restoring.cut_after(journal, snapshot_dir, wanted)
    assert wanted - 200 <= reached <= wanted
    assert restoring.engine_ends_at(journal, snapshot_dir, None)[0] == reached
    if reached == wanted:
        assert restoring.engine_ends_at(journal, snapshot_dir, None) == before


@pytest.mark.django_db(transaction=True)
def test_trades_and_candles_are_saved_alike_in_every_shape():
    """Partitions, and the view that candles are with TimescaleDB: a backup has rows, not shapes."""
    market = make_market()
    for seq, at_ms in ((5, 1_700_000_000_000), (6, 1_700_000_000_900), (9, 1_720_000_000_000)):
        Trade.objects.create(
            seq=seq, market=market, trade_id=seq, at=datetime_of(at_ms), price_ticks=seq, quantity_lots=1,
            quote_units=seq, buyer_is_maker=True, maker_order_id=1, taker_order_id=2,
        )  # fmt: skip
    with alone_with(KLINES):
        run("INSERT INTO marketdata_kline " + " UNION ALL ".join(candles.of_kept_trades().values()))
    plain = saved()
    assert plain["marketdata_trade"].count(b"\n") == 3
    assert plain["marketdata_kline"].count(b"\n") == 2 * 16
    partitions.enable(print_nothing)
    try:
        assert saved() == plain
        with alone_with(KLINES):
            run("DROP TABLE marketdata_kline")
            run("CREATE VIEW marketdata_kline AS " + " UNION ALL ".join(candles.of_kept_trades().values()))
        assert saved() == plain
    finally:
        for table in reversed(TABLES):  # The view of candles stands upon trades.
            if shape_of(table.name) is not Shape.PLAIN:
                move(table, Shape.PLAIN, print_nothing)


def print_nothing(_: str) -> None:
    pass


def saved():
    snapshot = Snapshot(making.database_url())
    try:
        return {table: b"".join(snapshot.rows_of(table)) for table in snapshot.tables() if "marketdata_" in table}
    finally:
        snapshot.close()
