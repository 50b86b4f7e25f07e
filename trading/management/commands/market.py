"""`manage.py market SYMBOL show|state|limits|fees|auction`: what a market takes and costs, and changing it."""

from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from django.core.management.base import CommandError

from exchange_site.kernel.errors import ApiError
from marketdata import rules
from marketdata.limits import LimitsText, limits_for_engine, limits_in_force, percent, seconds_ms
from marketdata.models import Auction, Market
from marketdata.staff_acts import in_words
from matching.messages import MarketState
from trading.management.staff import StaffCommand, market_named

STATES = [state.value for state in MarketState if state is not MarketState.AUCTION]
NO_LIMIT = "none"
LIMIT_HELP = {
    "min_quantity": "Smallest order, in coins.",
    "max_quantity": "Largest order, in coins.",
    "min_notional": "Smallest price times quantity, in quote coins.",
    "max_open_orders": "Open orders of one account.",
    "min_price_percent": "Lowest limit price, in percent of the last price.",
    "max_price_percent": "Highest limit price, in percent of the last price.",
    "min_impact_percent": "How far market sells go, in percent of the best bid.",
    "max_impact_percent": "How far market buys go, in percent of the best ask.",
    "band_percent": "No trade further than this from the reference price.",
    "band_window_s": "Seconds after which the reference price follows the last price.",
    "auction_s": "Length of the auction when the price leaves the band; none: orders expire at the band.",
}


class Command(StaffCommand):
    help = (
        "Shows what a market takes and costs, and changes it through the engine. Halting and restricting happen at "
        "once; reopening a halted or closed market takes a second person (see Approvals in the admin)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbol", help="For example SOL_USDC.")
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="State, limits, fees and auction in force.")
        state = verbs.add_parser("state", help="Halt (CancelOnly), restrict, close or reopen the market.")
        state.add_argument("state", choices=STATES)
        self.acting(state)
        auction = verbs.add_parser("auction", help="Collect orders, then uncross and open.")
        auction.add_argument("--seconds", help="Length; without it, the auction ends when staff sets another state.")
        self.acting(auction)
        limits = verbs.add_parser(
            "limits", help="Change the limits that are given; the others stay. 'none' removes one."
        )
        for field in fields(LimitsText):
            limits.add_argument(f"--{field.name.replace('_', '-')}", metavar="X", help=LIMIT_HELP[field.name])
        limits.add_argument("--dry-run", action="store_true", help="Only say what would change.")
        self.acting(limits)
        fees = verbs.add_parser("fees", help="Set the fees of a tier, in percent; a maker fee below zero is a rebate.")
        fees.add_argument("--tier", type=int, default=0, help="0 (default): everybody without a tier.")
        fees.add_argument("--maker", required=True, metavar="PERCENT")
        fees.add_argument("--taker", required=True, metavar="PERCENT")
        self.acting(fees)

    def handle(self, *args: Any, **options: Any) -> None:
        market = market_named(options["symbol"])
        verb = options["verb"]
        if verb == "show":
            self._show(market)
            return
        by = self.by(options, rules.CHANGE_MARKET)
        if verb == "state":
            self.do(lambda: rules.set_market_state(market, MarketState(options["state"]), by))
        elif verb == "auction":
            self.do(lambda: rules.set_market_state(market, MarketState.AUCTION, by, auction_ms=_length_ms(options)))
        elif verb == "fees":
            maker, taker, tier = options["maker"], options["taker"], options["tier"]
            self.do(lambda: rules.set_market_fees(market, maker, taker, by, tier=tier))
        else:
            text = limits_in_force(market).changed(_changes(options))
            if options["dry_run"]:
                self._rehearse(market, text)
            else:
                self.do(lambda: rules.set_market_limits(market, text, by))

    def _show(self, market: Market) -> None:
        since = f" since {market.state_since:%Y-%m-%d %H:%M:%S} UTC" if market.state_since else ""
        who = f" by {market.state_actor}: {market.state_reason}" if market.state_actor else ""
        rows = [("state", f"{market.state}{since}{who}")]
        running = Auction.objects.filter(market=market, ended_at=None).order_by("-seq").first()
        if running is not None and market.state == MarketState.AUCTION:
            rows.append(("auction ends", f"{running.ends_at:%H:%M:%S} UTC" if running.ends_at else "when told"))
        rows += [(name, value or NO_LIMIT) for name, value in asdict(limits_in_force(market)).items()]
        for tier, (maker, taker) in rules.fees_in_force(market).items():
            rows.append((f"fees tier {tier}", f"maker {percent(maker)} %, taker {percent(taker)} %"))
        self.table(rows)

    def _rehearse(self, market: Market, text: LimitsText) -> None:
        try:
            limits_for_engine(market, text)
        except ApiError as error:
            raise CommandError(in_words(error)) from error
        for change in text.differs_from(limits_in_force(market)) or ["Nothing would change."]:
            self.stdout.write(change)


def _changes(options: dict[str, Any]) -> dict[str, str]:
    given = {field.name: options[field.name] for field in fields(LimitsText) if options[field.name] is not None}
    return {name: "" if value == NO_LIMIT else value for name, value in given.items()}


def _length_ms(options: dict[str, Any]) -> int | None:
    return None if options["seconds"] is None else seconds_ms(options["seconds"], "seconds")
