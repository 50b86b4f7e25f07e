"""`manage.py treasury`: the venue's own coins, brought in or out or moved between hot and cold, for the ledger.

It moves nothing: people do that with the wallets' own tools. `reconcile` then proves that the chain shows the same.
"""

import hashlib
import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from accounts.ledger.models import Book, WalletEntry
from accounts.models import AuditEntry, User
from accounts.wallet.approvals import PERMISSION
from accounts.wallet.book import KEY_LENGTH
from accounts.wallet.models import AssetNetwork
from matching.symbols import InvalidNumber

MOVES = {
    "in": (Book.BOOKS, Book.HOT),
    "out": (Book.HOT, Book.BOOKS),
    "cold-in": (Book.BOOKS, Book.COLD),
    "cold-out": (Book.COLD, Book.BOOKS),
    "to-cold": (Book.HOT, Book.COLD),
    "to-hot": (Book.COLD, Book.HOT),
}


class Command(BaseCommand):
    help = "Books coins of the venue itself. What the house has in the engine is funded by itself (see docs/ledger.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("asset")
        parser.add_argument("chain", help="For example Bitcoin.")
        parser.add_argument("move", choices=list(MOVES))
        parser.add_argument("amount", help="Whole coins as a plain decimal number.")
        parser.add_argument("--actor", required=True, metavar="EMAIL", help="Who has moved them.")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--reference", default="", help="The transaction; the same one is booked once.")

    def handle(self, *args: Any, **options: Any) -> None:
        network = AssetNetwork.objects.filter(asset__symbol=options["asset"].upper(), blockchain=options["chain"])
        row = network.select_related("asset").first()
        if row is None:
            raise CommandError(f"{options['asset']} has no chain {options['chain']}.")
        actor = User.objects.filter(email=options["actor"].strip().lower(), is_staff=True, is_active=True).first()
        if actor is None or not actor.has_perm(PERMISSION):
            raise CommandError(f"{options['actor']} is no member of staff with the right {PERMISSION}.")
        try:
            units = row.asset.spec().parse(options["amount"])
        except InvalidNumber as error:
            raise CommandError(str(error)) from error
        if units == 0 or not options["reason"].strip():
            raise CommandError("An amount above zero and a reason are needed.")
        self._book(row, units, actor, options)

    def _book(self, row: AssetNetwork, units: int, actor: User, options: dict[str, Any]) -> None:
        payer, payee = MOVES[options["move"]]
        key = f"by hand:{options['move']}:{options['reference'] or uuid.uuid4().hex}"
        if len(key) > KEY_LENGTH:
            if WalletEntry.objects.filter(key=key[:KEY_LENGTH], reference=options["reference"][:160]).exists():
                key = key[:KEY_LENGTH]  # Booked when keys were cut.
            else:
                key = f"by hand:{hashlib.sha256(key.encode()).hexdigest()}"
        with transaction.atomic():
            _, created = WalletEntry.objects.get_or_create(
                key=key,
                defaults={
                    "kind": WalletEntry.Kind.TREASURY,
                    "payer": payer,
                    "payee": payee,
                    "asset": row.asset,
                    "blockchain": row.blockchain,
                    "units": units,
                    "reference": options["reference"][:160],
                    "actor": actor,
                    "reason": options["reason"][:256],
                },
            )
            if created:
                subject = f"{options['move']} {row.asset.spec().format(units)} {row}"
                AuditEntry.objects.create(
                    actor=actor, action="wallet.treasury", subject=subject[:128], reason=options["reason"][:256]
                )
        self.stdout.write("It is in the ledger." if created else "This reference was booked before; nothing was done.")
