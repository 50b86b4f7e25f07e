"""`manage.py simchain ...`: drive a simulated chain from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from accounts.wallet import deposits
from accounts.wallet.models import AssetNetwork
from accounts.wallet.simulated.models import SimulatedChain, SimulatedTransaction
from accounts.wallet.simulated.network import Network, SimulationError
from matching.symbols import InvalidNumber


class Command(BaseCommand):
    help = "Drives a simulated chain: blocks, payments from outside, reorganisations, double spends."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--chain", default="Solana", help="Which one; Solana if not given.")
        verbs = parser.add_subparsers(dest="verb", required=True)
        mine = verbs.add_parser("mine", help="Find blocks; the first takes everything that waits.")
        mine.add_argument("count", type=int, nargs="?", default=1)
        send = verbs.add_parser("send", help="Pay an address, or somebody's deposit address, from outside.")
        send.add_argument("to", help="Address or email.")
        send.add_argument("asset")
        send.add_argument("amount", help="Whole coins.")
        send.add_argument("--memo", default="")
        reorg = verbs.add_parser("reorg", help="Undo the last blocks and grow a longer branch.")
        reorg.add_argument("depth", type=int)
        reorg.add_argument("--drop", action="store_true", help="The undone transactions wait again, in no block.")
        reorg.add_argument("--double", metavar="HASH", help="This one's sender spends the money elsewhere instead.")
        verbs.add_parser("evict", help="Every node forgets a waiting transaction.").add_argument("hash")
        verbs.add_parser("resend", help="A forgotten transaction is offered again.").add_argument("hash")
        verbs.add_parser("show", help="The newest transactions.")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.WALLET_CHAINS.get(options["chain"]) != "simulated":
            raise CommandError(f"{options['chain']} is not a simulated chain here.")
        network = Network(options["chain"])
        try:
            self.stdout.write(getattr(self, f"_{options['verb']}")(network, options))
        except (SimulationError, InvalidNumber) as error:
            raise CommandError(str(error)) from error

    def _mine(self, network: Network, options: dict[str, Any]) -> str:
        return f"The best block is {network.mine(options['count'])}."

    def _send(self, network: Network, options: dict[str, Any]) -> str:
        row = AssetNetwork.objects.filter(asset__symbol=options["asset"].upper(), blockchain=network.blockchain).first()
        if row is None:
            raise CommandError(f"{network.blockchain} does not carry {options['asset']}.")
        to = options["to"]
        if "@" in to:
            account = Account.objects.filter(user__email=to.lower()).first()
            if account is None:
                raise CommandError(f"There is no account of {to}.")
            to = deposits.address_of(account, network.blockchain).address
        spec = row.asset.spec()
        sent = network.send(to, spec.symbol, spec.parse(options["amount"]), memo=options["memo"][:64])
        return f"{sent.pk} waits for a block."

    def _reorg(self, network: Network, options: dict[str, Any]) -> str:
        height = network.reorganise(options["depth"], keep=not options["drop"], double=options["double"])
        return f"The best block is {height}, in another branch."

    def _evict(self, network: Network, options: dict[str, Any]) -> str:
        network.evict(options["hash"])
        return "Forgotten."

    def _resend(self, network: Network, options: dict[str, Any]) -> str:
        network.send_again(options["hash"])
        return "Offered again."

    def _show(self, network: Network, options: dict[str, Any]) -> str:
        height = SimulatedChain.objects.filter(pk=network.blockchain).values_list("height", flat=True).first() or 0
        rows = SimulatedTransaction.objects.filter(chain_id=network.blockchain).select_related("block")
        lines = [
            f"block {row.block.height if row.block else 'none'}  {row.pk}" for row in rows.order_by("-seen_at")[:20]
        ]
        return "\n".join([f"The best block is {height}.", *lines])
