"""Recording what a release decides, so that every later release can be asked to decide the same.

    python manage.py shell -c "from matching.tests.golden.recording import record; record('v2', seed=2)"

A recording is a journal as an engine leaves it (several terms and segments, ticks, poison, a market closed for it),
one snapshot taken in its middle, and `golden.json` with the position and what was held at the end. It is made once a
release, with that release's code, and never again: a recording that had to be made anew to pass would prove nothing.
"""

import hashlib
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from matching import codec
from matching.core.engine import Engine
from matching.messages import Command, MarketState, OrderView, SetMarketState
from matching.runtime import recovery
from matching.runtime.applier import Applier, Poisoned, decode_entry
from matching.runtime.crash import CrashPoint
from matching.runtime.journal import JournalWriter, read_history
from matching.runtime.records import Entry, Internal, Poison, Tick
from matching.runtime.snapshotter import Snapshotter
from matching.tests.flows import STAFF, listing, random_command

HERE = Path(__file__).parent
START_MS = 1_767_225_600_000  # 2026-01-01.
SEGMENT_BYTES = 40 * 1024
COMMANDS = 2_400
TERMS = 3
LONG_PAUSE_MS = 700_000  # Longer than idempotency keys are kept, so that a tick has something to do.
POISON_KEY = "golden-poison"


class Brittle(Engine):
    """Breaks half way through one command, as a bug would. The recording needs no such engine to be replayed."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        applied = super().apply(command, command_id, at_ms)
        if command.idempotency_key == POISON_KEY:
            raise ZeroDivisionError("a bug that only this command meets")
        return applied


class Recorder:
    """Writes one journal the way the worker does, without Redis: journal first, then decide."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.journal_dir, self.snapshot_dir = directory / "journal", directory / "snapshots"
        self.journal_dir.mkdir(parents=True)
        self.snapshot_dir.mkdir()
        self.rng = random.Random(seed)
        self.at_ms = START_MS
        self.entries = itertools.count(1)
        self.correlation = 1
        self.term = 0
        self.lead()

    def lead(self) -> None:
        """A new term on what is there, as after a crash: everything is replayed from the beginning."""
        self.term += 1
        self.journal = JournalWriter(self.journal_dir, self.term, SEGMENT_BYTES)
        history = read_history(self.journal_dir, self.term)
        self.journal.adopt(history)
        self.applier = Applier(Brittle(), bytes(32))
        self.applier.poisoned.update(poison.command_id for poison in recovery.read_ahead(history, None))
        for _, found in history.frames_from(None):
            self.applier.apply_records(found.frame.records)
        self.applier.take()
        self.journal.append([], self.applier.n, self.applier.chain)
        self.journal.release_adopted_tails()

    def write(self, raw: list[bytes], payload: bytes | None = None) -> None:
        self.at_ms += LONG_PAUSE_MS if self.rng.random() < 0.01 else self.rng.randrange(0, 50)
        if payload is None:
            payload = codec.encode_entry(f"web-{self.rng.randrange(3)}", self.correlation, raw)
        self.correlation += len(raw)
        entry = Entry(f"{self.at_ms}-{next(self.entries)}", self.at_ms, payload)
        engine = self.applier.engine
        due = [one for one in (engine.next_timer_ms(), engine.next_forget_ms()) if one is not None]
        ticks = [Tick(self.at_ms)] if due and min(due) <= self.at_ms else []
        self.journal.append([*ticks, entry], self.applier.n, self.applier.chain)
        try:
            self.applier.apply_records(ticks)
            self.applier.apply_entry(entry, decode_entry(payload))
        except Poisoned as poisoned:
            self.poison(poisoned.poison)
        self.applier.take()

    def poison(self, poison: Poison) -> None:
        """As the worker does when a command broke the engine too often: record it, close its market, start again."""
        close = SetMarketState(market=poison.market, state=MarketState.CLOSED, actor="engine", reason="poison")
        self.journal.append([poison, Internal(f"{poison.command_id}/close", poison.at_ms, codec.encode(close))])
        self.lead()

    def snapshot(self) -> None:
        writer = Snapshotter(self.snapshot_dir, CrashPoint(""), False, 0)
        assert writer.write_now(self.applier, self.journal.position, [])


def _flow(rng: random.Random) -> Iterator[list[bytes]]:
    """Entries: every kind of command, retries of earlier ones, bytes that are no command, orders that came too late."""
    commands = [*listing(), *(random_command(rng, index) for index in range(COMMANDS))]
    sent: list[bytes] = []
    while commands:
        size = rng.randrange(1, 9)
        entry = [codec.encode(_late(rng, command)) for command in commands[:size]]
        del commands[:size]
        sent += [raw for raw in entry if b"key-" in raw]
        if sent and rng.random() < 0.05:
            entry.append(rng.choice(sent))
        if rng.random() < 0.02:
            entry.append(rng.choice([b"\xc0", b"\x91\xa4nope", codec.encode(["cancel_order", "x"])]))
        yield entry


def _late(rng: random.Random, command: Command) -> Command:
    if hasattr(command, "valid_until_ms") and rng.random() < 0.03:
        return msgspec.structs.replace(command, valid_until_ms=rng.choice([START_MS, 2**50]))
    return command


def record(name: str, seed: int) -> Path:
    """Write the recording `name` beside this file. Raises FileExistsError: a recording is never replaced."""
    directory = HERE / name
    directory.mkdir()  # The recording is the release's own: what is committed stays as it is.
    recorder = Recorder(directory, seed)
    entries = list(_flow(recorder.rng))
    for index, entry in enumerate(entries):
        recorder.write(entry)
        if index == len(entries) // 3:
            recorder.snapshot()
        if index == len(entries) // 2:
            recorder.write([], payload=b"\xffno entry")
            breaks = SetMarketState(market="BTC_USDC", state=MarketState.OPEN, idempotency_key=POISON_KEY, **STAFF)
            recorder.write([codec.encode(breaks)])
            reopen = SetMarketState(market="BTC_USDC", state=MarketState.OPEN, **STAFF)
            recorder.write([codec.encode(reopen)])
        if recorder.term < TERMS and index == len(entries) * 3 // 4:
            recorder.lead()
    applier = recorder.applier
    recorder.journal.close(tidy=True)
    fields = list(OrderView.__struct_fields__)
    golden = {
        "n": applier.n,
        "seq": applier.engine.seq,
        "chain": applier.chain.hex(),
        "order_fields": fields,
        "held": held(applier.engine, fields),
    }
    (directory / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")
    return directory


def held(engine: Any, order_fields: list[str]) -> str:
    """A hash of every balance and every open order, by the fields that release knew."""
    orders = [[getattr(view, name) for name in order_fields] for view in engine.open_order_views()]
    plain = json.dumps([[list(row) for row in engine.balance_rows()], orders])
    return hashlib.sha256(plain.encode()).hexdigest()
