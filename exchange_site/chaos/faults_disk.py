"""Faults of the disk: snapshots and journal damaged, no room to write (F14 to F17).

An error of fdatasync itself needs a debugger or another kernel; the simulation has it. Here the disk is full by
RLIMIT_FSIZE, which strikes in the same system calls and needs no rights.
"""

import os
import resource
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from exchange_site.chaos.faults_engine import batches_before_crash
from exchange_site.chaos.program import Program
from exchange_site.chaos.stage import COLD_EXITS, COLD_START_S, KILLED, WARM_TAKEOVER_S, Fault, FaultFailed, Stage
from exchange_site.kernel.redis_client import log_client
from matching.client.engine_notes import ask_for_snapshot
from matching.runtime import journal, snapshots
from matching.runtime.crash import CrashPoint
from matching.runtime.process import EXIT_JOURNAL, EXIT_REFUSED
from matching.runtime.records import UNKNOWN_N, Frame, Header
from matching.runtime.snapshots import SnapshotDamaged

ROOM_FOR_NOTHING = 4_096  # Less than a segment: none can be made.


# ---------------------------------------------------------------------------------------------------------- snapshots
def new_snapshot(stage: Stage) -> Path:
    """One that is newer than all others, with some journal behind it."""
    known = {path for _, path in snapshots.list_snapshots(stage.place.snapshots)}
    with log_client() as client:
        ask_for_snapshot(client, int(time.time() * 1000))

    def newest() -> Path | None:
        found = snapshots.list_snapshots(stage.place.snapshots)
        return found[0][1] if found and found[0][1] not in known else None

    path: Path = stage.place.wait(newest, "a new snapshot", 30)
    stage.pause(0.3, 0.8)
    return path


def damaged_snapshot(how: str, stage: Stage) -> None:
    path = new_snapshot(stage)
    stage.kill_engines()
    data = path.read_bytes()
    if how == "torn":
        os.truncate(path, stage.rng.randrange(len(data)))
    elif how == "flipped":
        _flip_bit(path, stage.rng.randrange(len(data)), stage.rng.randrange(8))
    elif how == "deleted":
        path.unlink()
    else:
        _write_as_newer(path)
    began = stage.start_engines()
    stage.trading_again(began)
    said = [line.text for line in stage.place.lines_since(began) if "of no use" in line.text]
    if how != "deleted" and not any(path.name in line for line in said):
        raise FaultFailed(f"Nobody said that {path.name} is of no use.")
    stage.steady()
    path.unlink(missing_ok=True)


def _write_as_newer(path: Path) -> None:
    header, body = snapshots.check_file(path)
    newer = msgspec.structs.replace(header, format=snapshots.FORMAT + 1)
    with suppress(SnapshotDamaged):  # It is read back, and refused, when it stands there.
        snapshots.write_snapshot(path.parent, newer, body, CrashPoint(""), None)


def _flip_bit(path: Path, offset: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))
        file.flush()
        os.fsync(file.fileno())


# ------------------------------------------------------------------------------------------------------------ journal
class Place(NamedTuple):
    """A frame in a segment."""

    path: Path
    start: int
    end: int
    frame: Frame


def frames_after_snapshot(stage: Stage) -> list[Place]:
    """Everything a start has to replay, headers left out. No engine may run."""
    folder = stage.place.journal
    history = journal.read_history(folder, journal.newest_term(folder) + 1)
    found = snapshots.load_newest(stage.place.snapshots, None)
    start = found[0].position if found else None
    return [
        Place(folder / position.segment, one.start, one.end, one.frame)
        for position, one in history.frames_from(start)
        if not any(isinstance(record, Header) for record in one.frame.records)
    ]


def torn_tail(stage: Stage) -> None:
    """The engine dies with a batch written but not published, and the power takes 1 to 200 bytes of it along."""
    crashing = stage.replace_standby(ENGINE_CRASH_AT=f"after_journal:{batches_before_crash(stage)}")
    leader = stage.place.other(crashing)
    leader.wanted = False
    began = leader.kill()
    crashing.wanted = False
    stage.trading_again(began)
    stage.expect_exit(crashing, began, {KILLED}, "the death after the journal")
    published = int(stage.place.field("n"))
    last = frames_after_snapshot(stage)[-1]
    if last.frame.n != UNKNOWN_N and last.frame.n >= published:
        cut = stage.rng.randrange(1, min(200, last.end - last.start) + 1)
        os.truncate(last.path, last.end - cut)
        stage.note(f"{cut} bytes cut off {last.path.name}")
    else:
        _write_garbage(stage, last)
    stage.trading_again(stage.start_engines())


def garbage_tail(stage: Stage) -> None:
    """Both die, and the beginning of a frame that was just being written stands behind the last good one."""
    stage.kill_engines()
    _write_garbage(stage, frames_after_snapshot(stage)[-1])
    stage.trading_again(stage.start_engines())


def _write_garbage(stage: Stage, last: Place) -> None:
    torn = last.path.read_bytes()[last.start : last.end]
    length = stage.rng.randrange(1, min(200, len(torn)))
    with last.path.open("r+b") as file:
        file.seek(last.end)
        file.write(torn[:length])
    stage.note(f"{length} bytes of a frame written behind byte {last.end} of {last.path.name}")


def flipped_middle(stage: Stage) -> None:
    """The engine must refuse and name the place; when the byte is as it was, everything goes on."""
    stage.pause(0.3, 0.6)
    stage.kill_engines()
    chosen = stage.rng.choice(frames_after_snapshot(stage)[:-1])
    offset, bit = stage.rng.randrange(chosen.start, chosen.end), stage.rng.randrange(8)
    _flip_bit(chosen.path, offset, bit)
    engine = stage.place.programs["engine_a"]
    began = time.monotonic()
    engine.start()
    engine.wanted = False
    stage.expect_exit(engine, began, {EXIT_REFUSED}, "the refusal to start")
    stage.place.wait(lambda: engine.said("damaged at byte", began), "the reason of the refusal", 5)
    said = engine.said("damaged at byte", began) or ""
    if chosen.path.name not in said or f"byte {chosen.start}:" not in said:
        raise FaultFailed(f"Byte {offset} (frame {chosen.start}) of {chosen.path.name} is wrong, but it says: {said}")
    stage.note(f"it said: {said}")
    _flip_bit(chosen.path, offset, bit)
    stage.trading_again(stage.start_engines())


# ---------------------------------------------------------------------------------------------------------- full disk
def _limit(program: Program, size_bytes: int) -> None:
    assert program.pid is not None
    resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))


def _end_of_journal(stage: Stage) -> int:
    folder = stage.place.journal
    return journal.count_valid_bytes(folder / journal.segments(folder)[-1])


def no_room(whole_disk: bool, stage: Stage) -> None:
    """The leader can write nothing more, or a part of one more frame; with `whole_disk` nobody can."""
    leader, standby = stage.engines()
    began = time.monotonic()
    if whole_disk:
        leader.wanted = standby.wanted = False
        _limit(standby, ROOM_FOR_NOTHING)
    _limit(leader, _end_of_journal(stage) + stage.rng.randrange(0, 400))
    end = stage.expect_exit(leader, began, {EXIT_JOURNAL}, "the end of the engine that cannot write")
    if not whole_disk:
        stage.trading_again(end.at)
        return
    stage.expect_exit(standby, began, {EXIT_JOURNAL}, "the end of the standby that cannot write")
    stage.trading_again(stage.start_engines())


_JOURNAL_FAILED = "CRITICAL .*The journal failed"
FAULTS = (
    *(
        Fault("F14", f"snapshot {how}", partial(damaged_snapshot, how), COLD_START_S, COLD_EXITS)
        for how in ("torn", "flipped", "deleted", "from newer code")
    ),
    Fault("F15", "tail torn", torn_tail, COLD_START_S, COLD_EXITS),
    Fault("F15", "tail garbage", garbage_tail, COLD_START_S, COLD_EXITS),
    Fault(
        "F16",
        "middle flipped",
        flipped_middle,
        COLD_START_S,
        COLD_EXITS | {EXIT_REFUSED},
        "CRITICAL .*does not start",
    ),
    Fault(
        "F17", "no room, leader", partial(no_room, False), WARM_TAKEOVER_S, frozenset({EXIT_JOURNAL}), _JOURNAL_FAILED
    ),
    Fault("F17", "no room, all", partial(no_room, True), COLD_START_S, COLD_EXITS | {EXIT_JOURNAL}, _JOURNAL_FAILED),
)
