"""`manage.py engine_dump`: what the engine holds, read from its journal beside the running engine."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchange_site.kernel.money import from_units
from matching.client.dump import DumpFailed, engine_dump


class Command(BaseCommand):
    help = "Print the engine's balances, open orders, outcome number and chain hash. Needs the journal's directory."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Everything, as one JSON object; amounts in units.")
        parser.add_argument("--n", type=int, help="The state after this outcome instead of the last one.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            state = engine_dump(options["n"])
        except DumpFailed as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(state, indent=1))
            return
        decimals = {asset["symbol"]: asset["decimals"] for asset in state["assets"]}
        self.stdout.write(f"Outcome {state['n']}, event {state['seq']}, chain {state['chain']}")
        for row in state["balances"]:
            amounts = [from_units(row[name], decimals[row["asset"]]) for name in ("available_units", "locked_units")]
            self.stdout.write(f"account {row['account_id']} {row['asset']}: {amounts[0]} free, {amounts[1]} locked")
        for order in state["orders"]:
            self.stdout.write(
                f"order {order['order_id']} account {order['account_id']} {order['market']} {order['side']} "
                f"{order['status']}, {(order['quantity_lots'] or 0) - order['executed_lots']} lots at "
                f"{order['price_ticks'] or 'market'} ticks"
            )
        self.stdout.write(f"{len(state['orders'])} open orders")
