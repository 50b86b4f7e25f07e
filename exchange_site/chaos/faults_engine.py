"""Faults of the engine processes: killed, paused, both gone, cut off, poisoned, starved (F1, F2, F3, F21, F22, F29)."""

import resource
import signal
import sys
import time
from functools import partial
from pathlib import Path

from exchange_site.chaos.blackhole import SilentLine
from exchange_site.chaos.stage import COLD_EXITS, COLD_START_S, KILLED, WARM_TAKEOVER_S, Fault, FaultFailed, Stage
from exchange_site.chaos.workload import POISON, probe_order, with_key
from exchange_site.kernel import redis_names
from exchange_site.kernel.redis_client import log_client
from matching import codec
from matching.client.engine_notes import ask_for_snapshot
from matching.messages import Answer, RefusalReason, Refused
from matching.runtime.crash import POINTS
from matching.runtime.process import EXIT_FENCED, EXIT_POISON

FIRST_BATCHES = 150
BURST = 800
RAW_ORIGIN = "chaos-raw"
BRITTLE = [sys.executable, "-m", "exchange_site.chaos.brittle_engine"]


def killed_idle(stage: Stage) -> None:
    stage.clients.going.clear()
    stage.pause(0.3, 0.6)
    began = stage.leader().kill()
    stage.clients.going.set()
    stage.trading_again(began)


def killed_mid_batch(stage: Stage) -> None:
    leader = stage.leader()
    stage.burst(BURST, entries=2)
    time.sleep(stage.rng.uniform(0.001, 0.03))
    stage.trading_again(leader.kill())


def killed_at(point: str, stage: Stage) -> None:
    """The standby is one that will die at that point; killing the leader puts it in charge."""
    count = 1 if point == "mid_snapshot" else batches_before_crash(stage)
    leader = stage.leader()
    crashing = stage.replace_standby(ENGINE_CRASH_AT=f"{point}:{count}")
    began = leader.kill()
    stage.trading_again(began)
    stage.rest_until_steady()
    if point == "mid_snapshot":
        stage.pause(0.3, 0.6)
        _ask_for_snapshot(stage)
    end = stage.expect_exit(crashing, began, {KILLED}, f"the death at {point}")
    stage.trading_again(end.at)


def batches_before_crash(stage: Stage) -> int:
    """Enough that it does not die while clients rest and only timers write, for a standby that is still starting."""
    return stage.rng.randrange(FIRST_BATCHES, 2 * FIRST_BATCHES)


def _ask_for_snapshot(stage: Stage) -> None:
    with log_client() as client:
        ask_for_snapshot(client, int(time.time() * 1000))


def paused(stage: Stage) -> None:
    """Longer than the lease; when it wakes it must find out that another leads, and end without writing."""
    leader = stage.leader()
    began = time.monotonic()
    leader.signal(signal.SIGSTOP)
    stage.trading_again(began)
    stage.pause(0.5, 4.0)
    woken = time.monotonic()
    leader.signal(signal.SIGCONT)
    stage.expect_exit(leader, woken, {EXIT_FENCED}, "the end of the engine that was paused")


def both_killed(stage: Stage) -> None:
    stage.kill_engines()
    stage.pause(0.5, 5.0)
    stage.trading_again(stage.start_engines())


def raw_bytes(stage: Stage) -> None:
    """What only a foreign hand can put into the stream: entries that are none, and commands that are none."""
    leader, began = stage.leader(), time.monotonic()
    rng = stage.rng
    garbage = [rng.randbytes(rng.randrange(1, 300)) for _ in range(20)]
    readable = [codec.encode(["no_command", 1]), b"\xc0", b"\x91" * 200 + b"\xc0", codec.encode({"a": 1})]
    stage.call_redis("XADD", redis_names.COMMANDS, "*", "x", "no payload")
    for payload in (b"", *garbage, codec.encode(["", 0, 5]), b"\x91" * 5_000):
        stage.call_redis("XADD", redis_names.COMMANDS, "*", "b", payload)
    payload = codec.encode_entry(f"{RAW_ORIGIN}-{stage.serial}", 1, readable)
    stage.call_redis("XADD", redis_names.COMMANDS, "*", "b", payload)
    stage.trading_again(began)
    answers = stage.place.wait(lambda: _raw_answers(stage), "answers to commands that are none", 10)
    reasons = [answer.reply.reason if isinstance(answer.reply, Refused) else None for answer in answers]
    if reasons != [RefusalReason.MALFORMED] * len(readable):
        raise FaultFailed(f"Commands that are none were answered {reasons}.")
    if any(end.at >= began for end in leader.exits):
        raise FaultFailed("Raw bytes ended the engine.")


def _raw_answers(stage: Stage) -> list[Answer]:
    stream = redis_names.replies(f"{RAW_ORIGIN}-{stage.serial}")
    found: list[Answer] = []
    for _, fields in stage.call_redis("XRANGE", stream, "-", "+"):
        found += codec.decode_answers(fields[redis_names.PAYLOAD_FIELD])
    return found


def poisoned(stage: Stage) -> None:
    """An engine with a bug that one command meets leads; half of the time its standby has the same bug."""
    old = stage.leader()
    brittle = stage.replace_standby(BRITTLE)
    stage.trading_again(old.kill())
    if stage.rng.random() < 0.5:
        stage.replace_standby(BRITTLE)
    stage.steady()
    [asked] = stage.clients.ledger.ask([with_key(probe_order(9, 0), f"{POISON}-{stage.serial}")])
    began = time.monotonic()
    stage.ask([asked])
    end = stage.expect_exit(brittle, began, {EXIT_POISON}, "the end of the poisoned engine")
    stage.trading_again(end.at)
    stage.place.wait(lambda: asked.answers, "the answer to the poison", 30)
    for told in asked.answers:
        if not isinstance(told.reply, Refused) or told.reply.reason is not RefusalReason.INTERNAL:
            raise FaultFailed(f"The command that broke the engine was answered {told.reply}.")


def half_open(stage: Stage) -> None:
    """The leader's line to Redis goes silent, and nobody is told. The standby leads; the old one finds out and ends."""
    line = SilentLine(stage.place.environment["REDIS_LOG_URL"])
    try:
        behind = stage.replace_standby(REDIS_LOG_URL=line.url)
        stage.trading_again(stage.leader().kill())
        stage.rest_until_steady()
        began = time.monotonic()
        line.go_silent()
        stage.trading_again(began)
        line.mend()
        stage.expect_exit(behind, began, {EXIT_FENCED}, "the end of the engine behind the silent line")
    finally:
        line.close()


def starved(stage: Stage) -> None:
    """Its address space may not grow any more while much is asked of it: it ends, or copes; nothing in between."""
    leader = stage.leader()
    pid = leader.pid
    assert pid is not None
    bytes_now = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    began = time.monotonic()
    resource.prlimit(pid, resource.RLIMIT_AS, (bytes_now, resource.RLIM_INFINITY))
    stage.burst(1_000, entries=6)
    stage.pause(2.0, 3.0)
    ends = [end for end in leader.exits if end.at >= began]
    stage.note(f"the engine {'ended' if ends else 'coped'}")
    if not ends:
        resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    stage.trading_again(ends[0].at if ends else began)


_F29 = frozenset({KILLED, 1, 70, 74, -6, -11})
FAULTS = (
    Fault("F1", "killed when idle", killed_idle, WARM_TAKEOVER_S),
    Fault("F1", "killed mid-batch", killed_mid_batch, WARM_TAKEOVER_S),
    *(Fault("F1", f"dies {point}", partial(killed_at, point), WARM_TAKEOVER_S) for point in POINTS),
    Fault("F2", "paused beyond lease", paused, WARM_TAKEOVER_S, frozenset({EXIT_FENCED})),
    Fault("F3", "both killed", both_killed, COLD_START_S, COLD_EXITS),
    Fault("F21", "half-open line", half_open, WARM_TAKEOVER_S, frozenset({KILLED, EXIT_FENCED})),
    Fault("F22", "raw bytes", raw_bytes, WARM_TAKEOVER_S, frozenset()),
    Fault(
        "F22",
        "poison",
        poisoned,
        WARM_TAKEOVER_S,
        frozenset({KILLED, EXIT_POISON}),
        r"broke the engine|Traceback|raise |ZeroDivision|^\s|direct cause|Poisoned|^$",
    ),
    Fault("F29", "engine memory", starved, WARM_TAKEOVER_S, _F29, r"Traceback|MemoryError|memory|^\s|^$"),
)
