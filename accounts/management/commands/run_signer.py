"""`manage.py run_signer`: signs and sends approved withdrawals until it is told to stop."""

import signal
import threading
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, close_old_connections, connection

from accounts.wallet import signer_metrics
from accounts.wallet.signer import Signer
from accounts.wallet.signer_journal import JournalDamaged, JournalInUse
from exchange_site.kernel import metrics

POLL_S = 0.5


class Command(BaseCommand):
    help = "Signs and sends approved withdrawals. Needs SIGNER_DIR and a database role of its own (docs/wallet.md)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="One round, then end.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SIGNER_DIR:
            raise CommandError("SIGNER_DIR is not set: it names the folder of the keys and of the signer's journal.")
        self._check_role()
        try:
            signer = Signer()
        except (JournalInUse, JournalDamaged) as error:
            raise CommandError(str(error)) from error
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        metrics.serve("signer")
        self.stdout.write(f"Signer ready; it remembers {len(signer.journal.entries)} payments.")
        self.stdout.flush()
        while not stop.is_set():
            self._round(signer)
            if options["once"]:
                break
            stop.wait(POLL_S)
        signer.journal.close()

    def _round(self, signer: Signer) -> None:
        """A database that is away is waited for; everything else is a bug and ends the process."""
        try:
            close_old_connections()
            with signer_metrics.round_seconds.time():
                signer_metrics.payments.inc(signer.run_once())
            signer_metrics.last_round.set_to_current_time()
            signer_metrics.remembered.set(len(signer.journal.entries))
        except OperationalError as error:
            signer_metrics.failures.inc()
            self.stderr.write(f"The database is away: {error}")
            connection.close()

    def _check_role(self) -> None:
        """In production the signer must not use the role of the web, nor one that may do everything."""
        if settings.DEMO_MODE:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT rolsuper OR rolname <> %s FROM pg_roles WHERE rolname = current_user", [SIGNER_ROLE])
            (wrong,) = cursor.fetchone()
        if wrong:
            raise CommandError(f"The signer's DATABASE_URL must use the role {SIGNER_ROLE} (manage.py signer_role).")


SIGNER_ROLE = "exchange_signer"
