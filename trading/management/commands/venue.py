"""`manage.py venue status|stop|resume`: the kill switch, and how everything stands."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from redis.exceptions import RedisError

from exchange_site.kernel.clock import now_ms
from marketdata import rules, wishes
from marketdata.selectors import listed_markets
from matching.client.blocking import engine_position
from trading.management.staff import StaffCommand
from trading.venue import kill_switch


class Command(StaffCommand):
    help = (
        "Shows whether the venue trades, stops all trading at once (one person), or asks to allow it again (a second "
        "person approves it in the admin, under Approvals)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("status", help="Kill switch, engine, markets, and what waits for approval.")
        self.acting(verbs.add_parser("stop", help="Engage the kill switch: nothing trades from now on."))
        self.acting(verbs.add_parser("resume", help="Ask to release the kill switch."))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verb"] == "status":
            self._status()
            return
        by = self.by(options, rules.STOP_VENUE)
        if options["verb"] == "stop":
            self.do(lambda: rules.stop_venue(by))
        else:
            self.do(lambda: rules.ask_to_release_venue(by))

    def _status(self) -> None:
        stopped = kill_switch()
        trading = "allowed"
        if stopped is not None:
            trading = f"STOPPED since {stopped.since:%Y-%m-%d %H:%M:%S} UTC by {stopped.actor}: {stopped.reason}"
        try:
            at = engine_position()
        except RedisError as error:
            raise CommandError(f"The log is not reachable: {error}") from error
        leads = int(at.get("lease_until_ms", "0")) > now_ms()
        engine = at.get("status", "never ran") if leads else "away"
        behind = max(0, int(at.get("n", "0")) - int(at.get("db_n", "0")))
        rows = [("trading", trading), ("engine", f"{engine}, outcome {at.get('n', '0')}, database {behind} behind")]
        rows += [(market.symbol, f"{market.state} {market.state_reason}") for market in listed_markets()]
        rows += [("approval", f"{wish.summary}, asked by {wish.asked_by}: {wish.reason}") for wish in wishes.pending()]
        self.table(rows)
