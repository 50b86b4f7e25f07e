"""`manage.py account ID show|tier|block|unblock|cancel-all`: what binds an account's trading, and changing it."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from accounts import trading_rights
from accounts.models import Account
from marketdata.models import Market
from marketdata.staff_acts import By
from trading.management.staff import StaffCommand, market_named
from trading.venue import is_blocked, rules_in_words


class Command(StaffCommand):
    help = (
        "Shows what binds an account's trading, and changes it through the engine. Unblocking takes a second person "
        "(see Approvals in the admin)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", metavar="ID", help="Number of the account, or the email address of its owner.")
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("show", help="Tier, blocks, dead man's switch and open orders.")
        tier = verbs.add_parser("tier", help="Put the account into a fee tier; 0 is the ordinary one.")
        tier.add_argument("tier", type=int)
        self.acting(tier)
        for verb, text in (
            ("block", "Take no new orders and changes from the account; its open orders stay."),
            ("unblock", "Ask to take a block back."),
            ("cancel-all", "Take back all its open orders."),
        ):
            one = verbs.add_parser(verb, help=text)
            one.add_argument("--market", metavar="SYMBOL", help="Only there; without it, in all markets.")
            self.acting(one)

    def handle(self, *args: Any, **options: Any) -> None:
        account = _account(options["account"])
        if options["verb"] == "show":
            self.stdout.write(f"{account} ({account.get_kind_display()}, {account.pk})")
            for line in rules_in_words(account.pk):
                self.stdout.write(line)
            return
        by = self.by(options, trading_rights.CHANGE_ACCOUNT)
        if options["verb"] == "tier":
            self.do(lambda: trading_rights.set_tier(account, options["tier"], by))
            return
        market = market_named(options["market"]) if options["market"] else None
        if options["verb"] == "block":
            self.do(lambda: trading_rights.block(account, market, by))
        elif options["verb"] == "unblock":
            if not is_blocked(account.pk, market.symbol if market else None):
                raise CommandError(f"There is no such block. {'; '.join(rules_in_words(account.pk))}.")
            self.do(lambda: trading_rights.ask_to_unblock(account, market, by))
        else:
            self.do(lambda: _cancel_all(account, market, by))


def _cancel_all(account: Account, market: Market | None, by: By) -> str:
    return f"{trading_rights.cancel_all(account, market, by)} orders are cancelled."


def _account(name: str) -> Account:
    rows = Account.objects.select_related("user")
    if name.isascii() and name.isdigit() and len(name) < 19:
        found = rows.filter(pk=int(name)).first()
    else:
        found = rows.filter(user__email=name.strip().lower()).first()
    if found is None:
        raise CommandError(f"There is no account {name}.")
    return found
