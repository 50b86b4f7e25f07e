"""The end of a campaign: everybody stops in order, and what every source says is compared."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg

from exchange_site.chaos import ablations, audit
from exchange_site.chaos.history import commands_of, keep_segments, whole_history
from exchange_site.chaos.installation import ENGINES, Installation, read_json
from exchange_site.chaos.ledger import Asked, Ledger
from exchange_site.chaos.reader import Reader
from matching.messages import OrderReply, PlaceOrder
from matching.runtime import audit as replaying
from matching.runtime import snapshots
from matching.runtime.journal import JournalDamaged
from matching.runtime.recovery import RecoveryRefused

CATCH_UP_S = 120.0
ORDERS_PER_QUERY = 10_000


class Verdict:
    """`findings` are what is wrong, `facts` what was compared; both are sentences."""

    def __init__(self, place: Installation, ledger: Ledger, reader: Reader, tell: Callable[[str], None]) -> None:
        self.place, self.ledger, self.reader, self.tell = place, ledger, reader, tell
        self.findings: list[str] = []
        self.facts: list[str] = []

    def reach(self) -> None:
        """Stop the engines, let every reader come to the end, and compare. Raises Stuck when one never does."""
        asked = self.ledger.copy_asked()
        end = self._stop_engines()
        self.findings += self.reader.problems
        keys, twice = self._journal()
        seen = self.reader.seen
        self.findings += twice
        self.findings += audit.check_answers(asked, seen, keys)
        self.findings += audit.check_executions(asked, seen, keys)
        self.findings += audit.check_changed(self.ledger.changed)
        ends = {
            "the log": end,
            "the reader": (self.reader.n, self.reader.chain.hex()),
            "the journal from zero": self._replay(),
        }
        dump = self._dump()
        if dump is not None:
            ends["the engine's dump"] = (int(dump["n"]), str(dump["chain"]))
            self.findings += audit.check_money(asked, dump)
            self._try_the_audit(asked, keys, dump)
        if self.place.with_database:
            ends["the database"] = self._database()
        self.findings += audit.check_chains(**ends)
        self._verify()
        self._count(asked, len(ends))

    def _try_the_audit(self, asked: dict[str, Asked], keys: dict[str, str | None], dump: dict[str, Any]) -> None:
        blind, tried = ablations.blind_spots(asked, self.reader.seen, keys, dump)
        self.findings += [f"blind: the audit does not notice {what}." for what in blind]
        self.facts.append(f"{tried - len(blind)} of {tried} ways to spoil these records were noticed by the audit")

    # ------------------------------------------------------------------------------------------------------- sources
    def _stop_engines(self) -> tuple[int, str]:
        """The standby first, so that nobody takes over; then everybody else reads to the end."""
        self.tell("stopping the engines and reading to the end")
        place = self.place
        leader = place.leader()
        for program in sorted((place.programs[name] for name in ENGINES), key=lambda one: one is leader):
            program.stop()
        position = place.position()
        n = int(position["n"])
        place.wait(lambda: self.reader.n >= n or self.reader.problems, "the reader to read everything", CATCH_UP_S)
        if place.with_database:
            place.wait(lambda: self._checkpoint()[0] >= n, "the database to have everything", CATCH_UP_S)
        self.reader.stop()
        return n, position["chain"]

    def _journal(self) -> tuple[dict[str, str | None], list[str]]:
        keep_segments(self.place.journal, self.place.archive)
        try:
            return audit.check_journal(commands_of(whole_history(self.place.archive)))
        except JournalDamaged as error:
            return {}, [f"journal: {error}"]

    def _dump(self) -> dict[str, Any] | None:
        done = self.place.manage("engine_dump", "--json", check=False)
        if done.returncode != 0:
            self.findings.append(f"engine_dump: {done.stdout}{done.stderr}".strip())
            return None
        return read_json(done)

    def _replay(self) -> tuple[int, str]:
        kept = [replaying.load(path) for _, path in snapshots.list_snapshots(self.place.snapshots)]
        try:
            result = replaying.replay(whole_history(self.place.archive), None, kept)
        except (JournalDamaged, RecoveryRefused) as error:
            self.findings.append(f"journal: {error}")
            return 0, ""
        self.findings += [f"replay: {difference}" for difference in result.differences]
        self.facts.append(
            f"{result.records} records replayed from zero ({result.records_per_s} a second), "
            f"{len(result.met)} snapshots met on the way were equal"
        )
        return result.end_n, result.chain

    def _verify(self) -> None:
        done = self.place.manage("replay_engine", "--verify", check=False)
        if done.returncode != 0:
            self.findings.append(f"replay_engine --verify: {done.stdout}{done.stderr}".strip())
        else:
            self.facts.append("replay_engine --verify: everything agrees")

    # ------------------------------------------------------------------------------------------------------ database
    def _checkpoint(self) -> tuple[int, str]:
        with psycopg.connect(self.place.environment["DATABASE_URL"], connect_timeout=5) as connection:
            row = connection.execute("SELECT n, chain FROM trading_checkpoint WHERE name = 'db_writer'").fetchone()
        return (int(row[0]), bytes(row[1]).hex()) if row else (0, "")

    def _database(self) -> tuple[int, str]:
        """The campaign's wallet has no rows of its own: what it left reserved must be the one thing that differs."""
        report = read_json(self.place.manage("reconcile", "--no-chains", "--json", check=False))
        known = {
            f"withdrawal {one.withdrawal_id} reserved: "
            f"engine has {(one.account_id, one.asset, one.units, one.fee_units)}, database has None"
            for one in audit.still_reserved(self.ledger.copy_asked())
        }
        told = set(report["differences"])
        self.findings += [f"reconcile: {difference}" for difference in sorted(told - known)]
        self.findings += [f"reconcile is silent about: {difference}" for difference in sorted(known - told)]
        if told == known:
            counts = ", ".join(f"{count} {what}" for what, count in report["counts"].items())
            self.facts.append(f"reconcile: engine and database are equal ({counts})")
        self._orders()
        return self._checkpoint()

    def _orders(self) -> None:
        """Every order a client was told of is a row, of the right account."""
        told = {
            answer.reply.order.order_id: one.command.account_id
            for one in self.ledger.copy_asked().values()
            for answer in one.answers
            if isinstance(one.command, PlaceOrder) and isinstance(answer.reply, OrderReply)
        }
        found: dict[int, int] = {}
        ids = sorted(told)
        with psycopg.connect(self.place.environment["DATABASE_URL"], connect_timeout=5) as connection:
            for first in range(0, len(ids), ORDERS_PER_QUERY):
                part = ids[first : first + ORDERS_PER_QUERY]
                rows = connection.execute("SELECT id, account_id FROM trading_order WHERE id = ANY(%s)", (part,))
                found.update(rows.fetchall())
        for order_id, account_id in told.items():
            if found.get(order_id) != account_id:
                self.findings.append(
                    f"missing: order {order_id} of account {account_id} was answered, the database has account "
                    f"{found.get(order_id)} for it."
                )
        self.facts.append(f"{len(told)} orders that clients were told of are rows of the database")

    # --------------------------------------------------------------------------------------------------------- report
    def _count(self, asked: dict[str, Asked], ends: int) -> None:
        sends = sum(one.sends for one in asked.values())
        unknown = sum(one.unknown > 0 for one in asked.values())
        replayed = sum(any(told.replayed for told in one.answers) for one in asked.values())
        self.facts.insert(
            0,
            f"{len(asked)} commands sent {sends} times, all answered or named above; {unknown} were once unknown, "
            f"{replayed} were answered from the stored answer, {len(self.ledger.changed)} used keys were tried with "
            "another command",
        )
        self.facts.append(
            f"{self.reader.n} outcomes read without a gap ({self.reader.gaps} times a republish was needed); "
            f"{ends} sources end with chain {self.reader.chain.hex()[:16]}"
        )


def write_evidence(folder: Path, ledger: Ledger, findings: list[str]) -> None:
    """What the clients were told, one JSON object a line, beside logs, journal and Redis files."""
    with (folder / "ledger.jsonl").open("w", encoding="utf-8") as file:
        for one in ledger.copy_asked().values():
            row = {
                "key": one.key,
                "command": repr(one.command),
                "sends": one.sends,
                "unknown": one.unknown,
                "answers": [
                    {"n": told.n, "replayed": told.replayed, "reply": repr(told.reply)} for told in one.answers
                ],
            }
            file.write(json.dumps(row) + "\n")
    (folder / "findings.txt").write_text("\n".join(findings) + "\n", encoding="utf-8")
