"""`manage.py engine status | stepdown | activate-rules`: where the engine is, who leads, and by which rules."""

import json
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel import clock, redis_names
from exchange_site.kernel.redis_client import log_client
from matching.client import blocking, engine_notes
from matching.messages import ActivateRules, Refused
from matching.runtime.leadership import read_lease
from matching.runtime.snapshots import SnapshotDamaged, list_snapshots, read_header
from matching.runtime.standby import standbys
from matching.transport import streams
from matching.transport.admit import Admission
from matching.transport.connection import ConnectionLost, LogConnection

LOOK_EVERY_S = 0.02
_NUMBERS = ("term", "n", "seq", "at_ms", "ahead_ms", "rules", "admitted", "processed", "db_n")


class Command(BaseCommand):
    help = "Look at the engine, have it hand over to a standby, or have it follow newer rules."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        status = verbs.add_parser("status", help="Position, lease, backlog, standbys, snapshots. Exit 1 unless open.")
        status.add_argument("--json", action="store_true")
        stepdown = verbs.add_parser("stepdown", help="The leader gives up its lease; a standby takes over at once.")
        stepdown.add_argument("--actor", required=True, help="Who asks; stands in the engine's log.")
        stepdown.add_argument("--reason", required=True)
        stepdown.add_argument("--force", action="store_true", help="Even when no warm standby is there to take over.")
        stepdown.add_argument("--timeout", type=int, default=15, metavar="SECONDS")

        rules = verbs.add_parser("activate-rules", help="Decide by newer rules from this position of the log on.")
        rules.add_argument("version", type=int)
        rules.add_argument("--actor", required=True)
        rules.add_argument("--reason", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            log = LogConnection()
            try:
                getattr(self, "_" + options["verb"].replace("-", "_"))(log, options)
            finally:
                log.close()
        except ConnectionLost as error:
            raise CommandError(str(error)) from error

    # -------------------------------------------------------------------------------------------------------- status

    def _status(self, log: LogConnection, options: dict[str, Any]) -> None:
        status = engine_status(log)
        if options["json"]:
            self.stdout.write(json.dumps(status, indent=2))
        else:
            for line in describe(status):
                self.stdout.write(line)
        if status["status"] != Admission.OPEN:
            raise CommandError("The engine does not take every command.")

    # ------------------------------------------------------------------------------------------------------ stepdown

    def _stepdown(self, log: LogConnection, options: dict[str, Any]) -> None:
        before = engine_status(log)
        if before["status"] == "absent":
            raise CommandError("No engine leads.")
        if not any(one["warm"] for one in before["standbys"]) and not options["force"]:
            raise CommandError("No warm standby is there to take over; trading would stop. (--force does it anyway.)")
        wish = f"{options['actor']}: {options['reason']} ({clock.now_ms()})"
        client: Any = log_client()
        try:
            if not engine_notes.ask_to_step_down(client, wish):
                raise CommandError("No engine leads.")
        finally:
            client.close()
        asked = time.monotonic()
        closed_at: float | None = None
        while time.monotonic() < asked + options["timeout"]:
            status, owner = (field.decode() for field in log.call("HMGET", redis_names.ENGINE, "status", "owner"))
            if status == Admission.CLOSED:
                closed_at = closed_at or time.monotonic()
            elif owner != before["owner"]:
                term = int(log.call("HGET", redis_names.ENGINE, "term"))
                pause = "" if closed_at is None else f" Closed for {round((time.monotonic() - closed_at) * 1000)} ms."
                self.stdout.write(f"{owner} leads in term {term}, {before['owner']} stands by.{pause}")
                return
            time.sleep(LOOK_EVERY_S)
        raise CommandError(f"Nobody took over within {options['timeout']} seconds; the engines' logs say why.")

    # --------------------------------------------------------------------------------------------------------- rules

    def _activate_rules(self, log: LogConnection, options: dict[str, Any]) -> None:
        version = options["version"]
        for one in standbys(log):
            if one.knows_rules < version:
                raise CommandError(
                    f"The standby {one.owner} knows rules {one.knows_rules} only; it could not lead any more."
                )
        wish = ActivateRules(version=version, actor=options["actor"], reason=options["reason"])
        try:
            answer = blocking.send(wish)
        except blocking.NotAdmitted as error:
            raise CommandError(f"Nothing was changed: the engine is {error.reason}.") from error
        except blocking.OutcomeUnknown as error:
            raise CommandError(f"{error} `engine status` says which rules are in force.") from error
        if isinstance(answer.reply, Refused):
            raise CommandError(f"The engine refuses rules {version}: {answer.reply.reason.value}.")
        self.stdout.write(f"Rules {version} are in force after outcome {answer.n}.")


def engine_status(log: LogConnection) -> dict[str, Any]:
    """`status` is `open`, `cancel_only`, `closed`, or `absent` (no lease). Lags are counts of outcomes or commands."""
    flat = log.call("HGETALL", redis_names.ENGINE)
    eng = {key.decode(): value.decode() for key, value in zip(flat[::2], flat[1::2], strict=True)}
    numbers: dict[str, int | None] = {name: int(eng[name]) if name in eng else None for name in _NUMBERS}
    lease = read_lease(log)
    n, database_n = numbers["n"] or 0, numbers["db_n"]
    return {
        **numbers,
        "status": eng.get("status", "absent") if lease.left_ms > 0 else "absent",
        "owner": eng.get("owner"),
        "chain": eng.get("chain"),
        "lease_left_ms": lease.left_ms,
        "waiting": max(0, (numbers["admitted"] or 0) - (numbers["processed"] or 0)),
        "database_lag": None if database_n is None else n - database_n,
        "standbys": [{**one._asdict(), "behind": max(0, n - one.n)} for one in standbys(log)],
        "events_end": streams.event_top(log).n,
        "commands_end": streams.last_id(log, redis_names.COMMANDS),
        "snapshots": _snapshots(),
    }


def _snapshots() -> list[dict[str, Any]]:
    """Newest first; only what their headers say."""
    found = []
    for n, path in list_snapshots(settings.SNAPSHOT_DIR) if settings.SNAPSHOT_DIR.is_dir() else []:
        try:
            header = read_header(path)
        except (SnapshotDamaged, OSError):
            found.append({"n": n, "at_ms": None, "damaged": True})
        else:
            found.append({"n": n, "at_ms": header.at_ms, "damaged": False})
    return found


def describe(status: dict[str, Any]) -> list[str]:
    """The status in lines for people."""
    lines = [
        f"status     {status['status']}, term {status['term']}, lease runs {status['lease_left_ms']} ms",
        f"leader     {status['owner']}",
        f"position   outcome {status['n']}, event {status['seq']}, chain {status['chain']}",
        f"log time   {_time(status['at_ms'])}, {status['ahead_ms']} ms ahead of the wall clock",
        f"rules      {status['rules']}",
        f"waiting    {status['waiting']} commands",
    ]
    lag = status["database_lag"]
    lines.append("database   never heard of" if lag is None else f"database   outcome {status['db_n']}, {lag} behind")
    for one in status["standbys"]:
        state = f"outcome {one['n']}, {one['behind']} behind" if one["warm"] else "not warm yet"
        lines.append(f"standby    {one['owner']}: {state}")
    if not status["standbys"]:
        lines.append("standby    none")
    for snapshot in status["snapshots"][:1]:
        age = "damaged" if snapshot["damaged"] else f"{(clock.now_ms() - snapshot['at_ms']) // 1000} s old"
        lines.append(f"snapshot   outcome {snapshot['n']}, {age}; {len(status['snapshots'])} kept")
    if not status["snapshots"]:
        lines.append("snapshot   none")
    return lines


def _time(at_ms: int | None) -> str:
    return "unknown" if at_ms is None else clock.datetime_of(at_ms).strftime("%Y-%m-%d %H:%M:%S UTC")
