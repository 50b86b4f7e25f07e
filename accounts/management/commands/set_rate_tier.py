"""`manage.py set_rate_tier EMAIL TIER`: how often an account may ask."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Account
from accounts.tiers import UnknownTier, give_tier


class Command(BaseCommand):
    help = "Gives an account a rate tier, for example 'market maker' or 'load test'; 'default' takes it away."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("tier")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(user__email=options["email"].strip().lower()).first()
        if account is None:
            raise CommandError(f"There is no account of {options['email']}.")
        if options["tier"] == "default":
            account.rate_tier = None
            account.save(update_fields=["rate_tier"])
        else:
            try:
                give_tier(account, options["tier"])
            except UnknownTier as error:
                raise CommandError(str(error)) from error
        self.stdout.write(f"{account} has the limits of {account.rate_tier or 'default'}.")
