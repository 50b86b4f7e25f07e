"""Watches everything that leaves the engine, and in the end compares all of it with one plain replay of the journal.

The replay starts from nothing and reads no snapshot: whatever the exchange went through, it must have said just this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from exchange_site.kernel import redis_names
from exchange_site.simulation.fake_database import Database, Names
from exchange_site.simulation.machine import JOURNAL_DIR, Machine
from exchange_site.simulation.surviving_journal import surviving_frames
from exchange_site.simulation.workload import Forgetful
from matching import codec
from matching.client.event_log import GENESIS_CHAIN
from matching.core.engine import Engine
from matching.core.retries import KEEP_MS
from matching.messages import Answer, Command, Outcome
from matching.runtime.applier import Applier
from matching.runtime.records import UNKNOWN_N, Entry, Poison
from trading.ledger.legs import FilledMarket, Leg, legs_of_row
from trading.writer.projector import Projector

FILL_MARKET, FILL_CLIENT_ID = 2, 4  # Of a fill's row; the client id is filled in by SQL, not by the projector.
_raw_outcomes = msgspec.msgpack.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Received:
    """A client sent `command` and was told `answer`."""

    client: str
    command: Command
    answer: Answer


@dataclass(slots=True)
class Expected:
    """What the replay says: everything there is to know about this run's history."""

    engine: Engine
    chain: bytes
    outcomes: list[Outcome] = field(default_factory=list)
    encoded: list[bytes] = field(default_factory=list)
    answers: dict[tuple[str, int], Answer] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)  # By command id.


class Auditor:
    """`violations` are promises that were broken, in words; the first one ends the run."""

    def __init__(self, machine: Machine) -> None:
        self.violations: list[str] = []
        self.received: list[Received] = []
        self.published: list[bytes] = []  # Outcome n stands at n - 1, as first published.
        self._answered: dict[tuple[str, int], Answer] = {}
        self._machine = machine
        self._term = 0
        machine.redis_data.observe = self.observe

    def violated(self, promise: str) -> None:
        self.violations.append(promise)
        self._machine.trace.write("VIOLATION", promise)

    # -------------------------------------------------------------------------------------------- while it is running

    def observe(self, key: bytes, entry_id: tuple[int, int], fields: dict[bytes, bytes]) -> None:
        """Every entry of every stream at the moment it is added."""
        if key == redis_names.EVENTS.encode():
            self._observe_outcomes(entry_id[0], fields)
        elif key.startswith(b"rep:"):
            self._observe_answers(key.removeprefix(b"rep:").decode(), fields[redis_names.PAYLOAD_FIELD])

    def _observe_outcomes(self, last_n: int, fields: dict[bytes, bytes]) -> None:
        term, n = int(fields[b"t"]), int(fields[b"f"])
        if term < self._term:
            self.violated(f"G8: term {term} published outcome {n} after term {self._term} had published")
        self._term = max(self._term, term)
        for raw in _raw_outcomes.decode(fields[redis_names.PAYLOAD_FIELD]):
            encoded = bytes(raw)
            if n > len(self.published) + 1:
                self.violated(f"G5: outcome {n} was published right after outcome {len(self.published)}")
                return
            if n <= len(self.published):
                if self.published[n - 1] != encoded:
                    self.violated(f"G1: outcome {n} was published before, and was another one")
            else:
                self.published.append(encoded)
            n += 1
        if n != last_n + 1:
            self.violated(f"G5: the entry of outcome {last_n} ends with outcome {n - 1}")

    def _observe_answers(self, origin: str, payload: bytes) -> None:
        for answer in codec.decode_answers(payload):
            known = self._answered.setdefault((origin, answer.correlation), answer)
            if known != answer:
                self.violated(f"G11: {origin} got two answers to command {answer.correlation}: {known}, {answer}")

    # --------------------------------------------------------------------------------------------------- in the end

    def expected(self) -> Expected:
        """The replay of the journal that survived, removed segments included."""
        frames = surviving_frames(self._machine.disk, JOURNAL_DIR)
        applier = Applier(Forgetful() if self._machine.ablation == "idempotency" else Engine(), GENESIS_CHAIN)
        applier.poisoned.update(
            record.command_id for frame in frames for record in frame.records if isinstance(record, Poison)
        )
        found = Expected(applier.engine, GENESIS_CHAIN)  # type: ignore[arg-type]
        for frame in frames:
            if frame.n != UNKNOWN_N and (frame.n, frame.chain) != (applier.n, applier.chain):
                self.violated(f"G10: a record was written after outcome {frame.n}, the replay stands at {applier.n}")
                break
            for record in frame.records:
                if isinstance(record, Entry):
                    _note_commands(record, found)
            applier.apply_records(frame.records)
            batch = applier.take()
            found.encoded += batch.outcomes
            for origin, answers in batch.answers.items():
                sent = codec.decode_answers(codec.encode(answers))  # As clients are told.
                found.answers.update({(origin, answer.correlation): answer for answer in sent})
        found.chain = applier.chain
        found.outcomes = [codec.decode_outcomes(codec.join_encoded([one]))[0] for one in found.encoded]
        return found

    def compare(self, expected: Expected, leader: Engine | None, database: Database, lots: dict[str, int]) -> None:
        """Everything that was said, written or held, against the replay."""
        self._compare_outcomes(expected)
        self._compare_answers(expected)
        self._look_for_doubled(expected)
        self._compare_database(expected, database, lots)
        expected.engine.check_invariants()
        if leader is not None and leader.dump() != expected.engine.dump():
            self.violated("G4: the leader holds another state than the replay of its journal")

    def _compare_outcomes(self, expected: Expected) -> None:
        for n, encoded in enumerate(self.published, 1):
            if n > len(expected.encoded):
                self.violated(f"G1: outcome {n} was published, but the journal ends with {len(expected.encoded)}")
                return
            if expected.encoded[n - 1] != encoded:
                self.violated(f"G1: outcome {n} was published, but the journal leads to another one")
                return
        if len(self.published) < len(expected.encoded):
            self.violated(f"G5: the journal leads to outcome {len(expected.encoded)}, which was never published")

    def _compare_answers(self, expected: Expected) -> None:
        for (origin, correlation), answer in self._answered.items():
            if expected.answers.get((origin, correlation)) != answer:
                told = expected.answers.get((origin, correlation))
                self.violated(f"G1: {origin} was told {answer}, but the journal says {told}")
                return
        for one in self.received:
            if not 0 < one.answer.n <= len(expected.outcomes):
                self.violated(f"G1: {one.client} was told outcome {one.answer.n}, which does not exist")
                return
            outcome = expected.outcomes[one.answer.n - 1]
            if not _same_wish(expected.commands.get(outcome.command_id), one.command):
                self.violated(f"G2: {one.client} got outcome {outcome.n} for another command than it sent")
                return

    def _look_for_doubled(self, expected: Expected) -> None:
        """A key may act again only when the engine was allowed to forget it."""
        acted: dict[tuple[int, str], Outcome] = {}
        for outcome in expected.outcomes:
            command = expected.commands.get(outcome.command_id)
            if command is None or command.idempotency_key is None or outcome.refusal is not None:
                continue
            key = getattr(command, "account_id", 0), command.idempotency_key
            before = acted.get(key)
            if before is not None and outcome.at_ms < before.at_ms + KEEP_MS:
                self.violated(f"G2: the key {key} was executed as outcome {before.n} and as outcome {outcome.n}")
                return
            acted[key] = outcome

    def _compare_database(self, expected: Expected, database: Database, lots: dict[str, int]) -> None:
        if (database.position.n, database.position.chain) != (expected.engine.n, expected.chain):
            self.violated(f"G6: the database stands at {database.position.n}, the engine at {expected.engine.n}")
            return
        whole = Database()
        if expected.outcomes:
            changes = Projector(Names(lots, whole)).project(expected.outcomes)
            whole.commit(whole.position, changes, expected.chain)
        for table in ("orders", "balances", "markets", "timers", "fee_versions"):
            if getattr(database, table) != getattr(whole, table):
                self.violated(f"G6: the {table} in the database are not those of the outcomes")
        for table, rows in whole.rows.items():
            if _comparable(table, database.rows[table]) != _comparable(table, rows):
                self.violated(f"G6: the {table} in the database are not those of the outcomes")
        sums: dict[tuple[int, Any], int] = {}
        for posting in database.rows["postings"].values():
            key = posting[4], posting[5]
            sums[key] = sums.get(key, 0) + posting[6]
        for leg in _legs_of_fills(database, Names(lots, whole)):
            sums[leg.account_id, leg.asset_id] = sums.get((leg.account_id, leg.asset_id), 0) + leg.units
        for account_id, asset, available, locked in expected.engine.balance_rows():
            if sums.get((account_id, asset), 0) != available + locked:
                self.violated(f"G7: the postings of account {account_id} do not add up to its {asset}")


def _legs_of_fills(database: Database, names: Names) -> Iterator[Leg]:
    for row in database.rows["fills"].values():
        market = names.market(row[FILL_MARKET])
        yield from legs_of_row(row, FilledMarket(market.base_id, market.quote_id, market.base_units_per_lot))


def _note_commands(record: Entry, found: Expected) -> None:
    try:
        entry = codec.decode_entry(record.payload)
    except codec.MalformedMessage:
        return
    for index, raw in enumerate(entry.commands):
        found.commands[f"{record.entry_id}/{index}"] = codec.decode_command(raw)


def _same_wish(known: Command | None, sent: Command) -> bool:
    """Equal but for the time limit, which a retry may set anew."""
    if type(known) is not type(sent):
        return False
    names = [name for name in sent.__struct_fields__ if name != "valid_until_ms"]
    return all(getattr(known, name) == getattr(sent, name) for name in names)


def _comparable(table: str, rows: dict[Any, Any]) -> dict[Any, Any]:
    if table != "fills":
        return rows
    return {key: (*row[:FILL_CLIENT_ID], *row[FILL_CLIENT_ID + 1 :]) for key, row in rows.items()}
