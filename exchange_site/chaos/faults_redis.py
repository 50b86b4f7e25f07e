"""Faults of Redis: killed, set back, emptied, stuck, broken, full (F4 to F9, F18, F29).

Times run from the loss, or from its repair.
"""

import resource
import shutil
import signal
import time
from pathlib import Path

from exchange_site.chaos.stage import KILLED, WARM_TAKEOVER_S, Fault, FaultFailed, Stage
from matching.runtime.process import EXIT_FENCED

SET_BACK_S = 2 * WARM_TAKEOVER_S  # Redis loads, the engine fences and publishes again what is missing.


def killed(stage: Stage) -> None:
    stage.trading_again(stage.redis().kill())


def end_cut_off(stage: Stage) -> None:
    """What the last second of `appendfsync everysec` loses with the power."""
    began = _killed_for_surgery(stage)
    newest = _newest_increment(stage.place.append_only)
    size = newest.stat().st_size
    cut = min(size, stage.rng.choice((stage.rng.randrange(1, 200), stage.rng.randrange(1, 200_000))))
    with newest.open("r+b") as file:
        file.truncate(size - cut)
    stage.note(f"{cut} of {size} bytes cut off")
    _restart(stage)
    stage.trading_again(began)


def files_deleted(stage: Stage) -> None:
    began = _killed_for_surgery(stage)
    shutil.rmtree(stage.place.append_only)
    _restart(stage)
    stage.trading_again(began)


def flushed(stage: Stage) -> None:
    began = time.monotonic()
    stage.call_redis("FLUSHALL")
    stage.trading_again(began)


def stale_copy(stage: Stage) -> None:
    """What a promoted replica that lagged would hold: the honest equivalent on one machine is an older copy."""
    copy = stage.place.home.path / "stale-copy"
    shutil.rmtree(copy, ignore_errors=True)
    _copy_files(stage.place.append_only, copy)
    copied = time.monotonic()
    stage.pause(0.5, 3.0)
    began = _killed_for_surgery(stage)
    shutil.rmtree(stage.place.append_only)
    copy.rename(stage.place.append_only)
    stage.note(f"set back by {began - copied:.1f} s")
    _restart(stage)
    stage.trading_again(began)


def stalled(stage: Stage) -> None:
    """It hangs as with a stuck disk: connections stay, nothing is answered."""
    redis = stage.redis()
    redis.signal(signal.SIGSTOP)
    stage.pause(0.5, 5.0)
    redis.signal(signal.SIGCONT)
    stage.trading_again(time.monotonic())


def file_corrupt(stage: Stage) -> None:
    """It refuses to start; the runbook's mend is to move the files away and start it empty."""
    stage.pause(0.3, 0.6)
    _killed_for_surgery(stage)
    newest = _newest_increment(stage.place.append_only)
    data = newest.read_bytes()
    at = data.find(b"\r\n*", len(data) // 2)
    if at < 0:
        raise FaultFailed(f"{newest.name} has no command in its second half.")
    with newest.open("r+b") as file:
        file.seek(at + 2)
        file.write(b"!")
    stage.note(f"byte {at + 2} of {len(data)} changed")
    redis, began = stage.redis(), time.monotonic()
    redis.start()
    redis.wanted = False
    stage.expect_exit(redis, began, {1}, "Redis's refusal to start")
    aside = stage.place.home.path / "broken-redis"
    shutil.rmtree(aside, ignore_errors=True)
    stage.place.append_only.rename(aside)
    mended = time.monotonic()
    _restart(stage)
    stage.trading_again(mended)


def disk_full(stage: Stage) -> None:
    """Not a byte more fits behind what its file has. It refuses writes, says so, and goes on when there is room."""
    redis = stage.redis()
    assert redis.pid is not None
    room = _newest_increment(stage.place.append_only).stat().st_size + stage.rng.randrange(0, 4_000)
    resource.prlimit(redis.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    full = time.monotonic()
    stage.pause(1.0, 3.0)
    if redis.said("No space left on device", full) is None and redis.said("AOF", full) is None:
        raise FaultFailed("Redis did not notice that its disk is full.")
    resource.prlimit(redis.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    stage.trading_again(time.monotonic())


def memory_full(stage: Stage) -> None:
    """Nothing can be written for a while; reads go on."""
    stage.call_redis("CONFIG", "SET", "maxmemory", "1")
    full = time.monotonic()
    stage.pause(0.5, 2.0)
    if stage.clients.first_accepted_after(full + 0.2) is not None:
        raise FaultFailed("Orders were accepted while Redis could not write.")
    stage.call_redis("CONFIG", "SET", "maxmemory", "0")
    stage.trading_again(time.monotonic())


def _killed_for_surgery(stage: Stage) -> float:
    redis = stage.redis()
    redis.wanted = False
    return redis.kill()


def _restart(stage: Stage) -> None:
    stage.redis().start()


def _newest_increment(folder: Path) -> Path:
    found = sorted(folder.glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
    if not found:
        raise FaultFailed(f"There is no increment in {folder}.")
    return found[-1]


def _copy_files(source: Path, target: Path) -> None:
    """Of a Redis that runs: appended files may be copied at any time, unless they are rewritten meanwhile."""
    for _ in range(5):
        before = sorted(path.name for path in source.iterdir())
        try:
            shutil.copytree(source, target)
        except (FileNotFoundError, shutil.Error):
            shutil.rmtree(target, ignore_errors=True)
            continue
        if sorted(path.name for path in source.iterdir()) == before:
            return
        shutil.rmtree(target)
    raise FaultFailed(f"{source} could not be copied; it is rewritten all the time.")


_EXITS = frozenset({KILLED, EXIT_FENCED})  # With the fence gone, the standby may be faster than the leader.
FAULTS = (
    Fault("F4", "killed", killed, WARM_TAKEOVER_S, _EXITS),
    Fault("F5", "end of its file cut", end_cut_off, SET_BACK_S, _EXITS),
    Fault("F6", "files deleted", files_deleted, SET_BACK_S, _EXITS),
    Fault("F6", "FLUSHALL", flushed, SET_BACK_S, _EXITS),
    Fault("F7", "older copy", stale_copy, SET_BACK_S, _EXITS),
    Fault("F8", "stalled", stalled, SET_BACK_S, _EXITS),
    Fault("F9", "file corrupt", file_corrupt, SET_BACK_S, _EXITS),
    Fault("F18", "Redis's disk full", disk_full, SET_BACK_S, _EXITS),
    Fault("F29", "Redis memory", memory_full, WARM_TAKEOVER_S, _EXITS),
)
