"""`manage.py rebuild_from_db`: the journal's disk is lost; an engine's beginning is made of the database."""

import logging
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit.models import AuditEntry
from exchange_site.ops.rebuild import RebuildRefused
from exchange_site.ops.rebuild.landing import Gap, land, look
from exchange_site.ops.rebuild.state import Rebuilt, rebuild
from matching.runtime.config import from_settings
from matching.runtime.journal import JournalDamaged, JournalFailed
from matching.runtime.leadership import Fenced, Forgotten
from matching.runtime.snapshots import SnapshotDamaged
from matching.transport.connection import ConnectionLost, LogConnection

log = logging.getLogger(__name__)

LOST = """Lost, whatever is done:
  answers given after that outcome, if any ({after})
  {waiting} entries of the command stream: none of them is decided again; their callers were told that it is unknown
  every idempotency key: a retry of a request from before would be executed again
  the snapshots and the journal from before: nothing earlier than outcome {n} can be replayed
Not exact:
  the queue inside a price level of orders that were amended or are icebergs; the fee tier that an order was taken with
  the reference price of price bands (taken anew), the state in which a market goes on after an auction (Open)"""


class Command(BaseCommand):
    help = (
        "For a lost journal disk: makes a new beginning of the engine's history out of the database (open orders, "
        "balances, markets, fees, blocks, reserved withdrawals) at the outcome where the db writer stands. Says what "
        "it would do; --yes does it. Stop everything but Redis and PostgreSQL first, after the db writer has finished."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", help="Do it.")
        parser.add_argument("--actor", default="", help="Who does it; for the audit log. Needed with --yes.")
        parser.add_argument("--reason", default="", help="Why; for the audit log. Needed with --yes.")
        parser.add_argument(
            "--replace-journal", action="store_true", help="Move a journal that exists aside, and its snapshots."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["yes"] and not (options["actor"].strip() and options["reason"].strip()):
            raise CommandError("Say who does it and why: --actor and --reason.")
        try:
            self._rebuild(options)
        except (RebuildRefused, Fenced, Forgotten, JournalDamaged, JournalFailed, SnapshotDamaged) as error:
            raise CommandError(str(error)) from error
        except FileExistsError as error:
            raise CommandError("An engine was started meanwhile; look at its log.") from error
        except ConnectionLost as error:
            raise CommandError(f"Redis cannot be reached: {error}") from error

    def _rebuild(self, options: dict[str, Any]) -> None:
        config, connection = from_settings(), LogConnection()
        rebuilt = rebuild()
        gap = look(config, connection, rebuilt, replace=options["replace_journal"])
        self._tell(rebuilt, gap)
        if not options["yes"]:
            self.stdout.write("Nothing was changed. Add --yes --actor YOU --reason WHY to do it.")
            return
        AuditEntry.objects.create(
            actor_name=options["actor"].strip(),
            action="engine.rebuild",
            subject=f"outcome {gap.n}",
            reason=options["reason"].strip(),
            details={"n": gap.n, "published_n": gap.published_n, "commands": gap.waiting, "term": gap.term},
        )
        path = land(config, connection, rebuilt, gap)
        log.warning("The engine's history begins anew at outcome %d, term %d (%s).", gap.n, gap.term, path)
        self.stdout.write(f"Written: {path}, journal of term {gap.term}.")
        self.stdout.write("Now start the engine and the db writer, run manage.py reconcile, and reopen by hand.")

    def _tell(self, rebuilt: Rebuilt, gap: Gap) -> None:
        venue = rebuilt.engine.venue
        balances = sum(len(asset.rows) for asset in venue.balances.assets.values())
        self.stdout.write(
            f"The database makes a sound state at outcome {gap.n}, chain {rebuilt.chain.hex()[:16]}: "
            f"{len(venue.markets)} markets, {len(venue.open_orders)} open orders, {balances} balances, "
            f"{len(venue.withdrawals)} reserved withdrawals. The engine's term after it is {gap.term + 1}."
        )
        lost = gap.published_n - gap.n
        after = f"{lost} outcomes are known to be missing" if lost else "none is known"
        for line in LOST.format(after=after, waiting=gap.waiting, n=gap.n).splitlines():
            self.stdout.write(line)
        for note in rebuilt.notes:
            self.stdout.write(f"  {note}")
