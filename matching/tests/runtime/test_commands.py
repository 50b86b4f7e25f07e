"""What an operator types: snapshots, replay, republish, rules. Real files and engines, damage included."""

import contextlib
import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import redis
from django.core.management import CommandError, call_command

from exchange_site.kernel import redis_names
from matching.messages import ActivateRules, Command
from matching.runtime import records, snapshots
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import JournalDamaged, read_header, segments
from matching.runtime.snapshots import list_snapshots
from matching.tests.flows import STAFF, listing, random_commands
from matching.tests.runtime.processes import Engines, Ledger
from matching.tests.runtime.rig import Rig, parts


def run(*words: object, **options: object) -> str:
    """What the command prints. Raises CommandError."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        call_command(*words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def engines(tmp_path: Path, log: redis.Redis, settings) -> Iterator[Engines]:
    engines = Engines(tmp_path, log)
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = tmp_path / "journal", tmp_path / "snapshots"
    yield engines
    engines.close()


@pytest.fixture
def stopped(rig: Rig, settings) -> Rig:
    """A venue with three snapshots, several segments and no engine."""
    settings.JOURNAL_DIR, settings.SNAPSHOT_DIR = rig.config.journal_dir, rig.config.snapshot_dir
    rig.configure(segment_bytes=16 * 1024)
    for piece in parts(3, 300, 4):
        worker = rig.lead()
        rig.run(piece, worker)
        if rig.led().applier.n < 250:
            worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
        rig.die()
    return rig


def numbers(rig: Rig) -> list[int]:
    return [n for n, _ in list_snapshots(rig.config.snapshot_dir)]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


# ----------------------------------------------------------------------------------------------------------- snapshot


def test_snapshots_are_made_listed_and_proved_while_the_engine_runs(engines: Engines, log: redis.Redis):
    with pytest.raises(CommandError, match="no engine"):
        run("snapshot", "create")
    engines.start()
    commands: list[Command] = list(listing())
    keyed = [msgspec.structs.replace(one, idempotency_key=f"c{i}") for i, one in enumerate(commands)]
    Ledger(log).settle(keyed, lambda: None)
    assert f"outcome {len(commands)} " in run("snapshot", "create")
    listed = run("snapshot", "list")
    assert "rules 2" in listed
    assert listed.count("  ok") == 1
    assert "the journal's end" in run("snapshot", "verify")
    with pytest.raises(CommandError, match="An engine is running"):
        run("snapshot", "restore", len(commands), "--yes")


def test_every_snapshot_leads_to_the_next(stopped: Rig):
    assert len(numbers(stopped)) == 3
    told = run("snapshot", "verify", "--all")
    assert told.count("every invariant holds") == 3
    assert told.count("to the snapshot of outcome") == 2


@pytest.mark.parametrize("where", [60, -9])
def test_a_damaged_snapshot_is_named(stopped: Rig, where: int):
    newest = list_snapshots(stopped.config.snapshot_dir)[0][1]
    flip(newest, where)
    assert "DAMAGED" in run("snapshot", "list")
    with pytest.raises(CommandError, match="1 of 1"):
        run("snapshot", "verify")
    with pytest.raises(CommandError, match="1 damaged"):
        run("replay_engine", "--verify")


def test_a_snapshot_whose_state_is_not_what_the_journal_gives_is_found(stopped: Rig):
    """All checksums agree: somebody wrote a sound state that never was."""
    path = list_snapshots(stopped.config.snapshot_dir)[1][1]
    header, state = snapshots.read_snapshot(path)
    state["at_ms"] += 1
    body = snapshots.pack_state(state)
    changed = msgspec.structs.replace(header, body_bytes=len(body), body_sha256=hashlib.sha256(body).digest())
    snapshots.write_snapshot(stopped.config.snapshot_dir, changed, body, CrashPoint(""), None)
    with pytest.raises(CommandError, match="differences"):
        run("replay_engine", "--verify")
    oldest = numbers(stopped)[-1]
    with pytest.raises(CommandError, match="of no use"):
        run("snapshot", "verify", oldest)


def test_restore_moves_newer_snapshots_aside_and_loses_nothing(stopped: Rig):
    newest, middle, oldest = numbers(stopped)
    stopped.lead()
    before = stopped.hash()
    stopped.die()
    told = run("snapshot", "restore", oldest)
    assert "Nothing was done" in told
    assert "No outcome is lost" in told
    assert numbers(stopped) == [newest, middle, oldest]
    assert "Done" in run("snapshot", "restore", oldest, "--yes")
    assert numbers(stopped) == [oldest]
    [aside] = stopped.config.snapshot_dir.glob("aside-*")
    assert len(os.listdir(aside)) == 2
    stopped.lead()
    assert stopped.hash() == before


def test_restore_refuses_what_the_engine_could_not_start_from(stopped: Rig):
    oldest = numbers(stopped)[-1]
    name, offset = snapshots.read_header(snapshots.snapshot_path(stopped.config.snapshot_dir, oldest)).position
    later = next(one for one in segments(stopped.config.journal_dir) if one > name)
    flip(stopped.config.journal_dir / later, 700)
    with pytest.raises(CommandError, match="damaged at byte"):
        run("snapshot", "restore", oldest, "--yes")
    assert len(numbers(stopped)) == 3
    assert offset


# ------------------------------------------------------------------------------------------------------ replay_engine


def test_i10_the_replay_from_the_beginning_and_from_every_snapshot_agrees(stopped: Rig):
    told = run("replay_engine", "--verify")
    assert told.count("from the snapshot of outcome") == 3
    assert told.count("from the beginning") == 1
    assert "3 snapshots compared" in told
    assert "Everything agrees" in told
    chains = {line.split("chain ")[1].split(";")[0] for line in told.splitlines() if "chain " in line}
    assert len(chains) == 1
    assert "from the snapshot" in run("replay_engine", "--from-snapshot", numbers(stopped)[0])
    with pytest.raises(CommandError, match="no snapshot of outcome 7"):
        run("replay_engine", "--from-snapshot", "7")


def test_a_replay_beside_a_running_engine_only_reads(engines: Engines, log: redis.Redis, settings):
    engines.start()
    commands = list(random_commands(5, 200))
    keyed = [msgspec.structs.replace(one, idempotency_key=f"c{i}") for i, one in enumerate(commands)]
    Ledger(log).settle(keyed, lambda: None)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in settings.JOURNAL_DIR.iterdir())
    assert f"to outcome {len(commands)}" in run("replay_engine", "--verify")
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in settings.JOURNAL_DIR.iterdir())


# ---------------------------------------------------------------------------------------------------------- republish


def test_republish_fills_the_stream_from_the_outcome_asked_for(engines: Engines, log: redis.Redis):
    with pytest.raises(CommandError, match="only made 0"):
        run("republish", "--from", "5")
    engines.start()
    commands = list(random_commands(6, 200))
    keyed = [msgspec.structs.replace(one, idempotency_key=f"c{i}") for i, one in enumerate(commands)]
    ledger = Ledger(log)
    for first in range(0, len(keyed), 20):
        ledger.settle(keyed[first : first + 20], lambda: None)
    assert "holds outcome 5 already" in run("republish", "--from", "5")
    log.hset(redis_names.ENGINE, "db_n", 150)  # The database is further than what is asked for.
    log.xtrim(redis_names.EVENTS, maxlen=1, approximate=False)
    told = run("republish", "--from", "5")
    assert f"to {len(commands)}" in told
    assert int(log.xrange(redis_names.EVENTS, count=1)[0][1][b"f"]) <= 5


# --------------------------------------------------------------------------------------------------------------- rules


def test_f30_newer_rules_begin_at_a_command_and_an_older_program_refuses_them(rig: Rig, monkeypatch):
    monkeypatch.setattr("matching.runtime.journal.RULES_VERSION", 1)  # The venue was begun by an older program.
    worker = rig.lead()
    rig.run(listing(), worker)
    rig.die()
    monkeypatch.undo()
    worker = rig.lead()
    engine = rig.led().applier.engine
    assert engine.rules_version == 1
    rig.run(list(random_commands(1, 40))[-40:], worker)
    before = len(segments(rig.config.journal_dir))
    rig.run([ActivateRules(version=2, **STAFF)], worker)
    assert engine.rules_version == 2
    newest = segments(rig.config.journal_dir)
    assert len(newest) == before + 1, "its header says so"
    assert read_header(rig.config.journal_dir / newest[-1]).rules_version == 2
    after = rig.run(list(random_commands(2, 40))[-40:], worker)
    worker._snapshotter.write_now(rig.led().applier, rig.led().journal.position, [])
    rig.die()
    monkeypatch.setattr("matching.runtime.journal.RULES_VERSION", 1)
    with pytest.raises(JournalDamaged, match="newer version"):
        rig.lead()
    monkeypatch.undo()
    rig.lead()
    assert rig.hash() == after
    rig.die()
    for _, path in list_snapshots(rig.config.snapshot_dir):
        path.unlink()
    rig.lead()
    assert rig.hash() == after, "from the beginning, where the older rules were in force"
    assert records.RULES_VERSION == 2


def test_rules_are_activated_by_hand(engines: Engines, log: redis.Redis):
    engines.start()
    with pytest.raises(CommandError, match="refuses rules 2"):
        run("engine", "activate-rules", 2, actor="test", reason="too late")
    assert "rules      2" in run("engine", "status")
