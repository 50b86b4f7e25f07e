"""`manage.py fund EMAIL ASSET AMOUNT`: demo money, through the engine."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import Account, Balance, LedgerPosting
from accounts.services import Credit
from accounts.wallet.demo import bring_coins, sender_of
from exchange_site.kernel.errors import ApiError
from marketdata.models import Asset
from matching.symbols import InvalidNumber

MAX_REFERENCE = LedgerPosting._meta.get_field("reference").max_length or 0


class Command(BaseCommand):
    help = "Brings demo money into the house from outside and credits it to an account. Only in demo mode."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("asset", help="Symbol, for example USDC.")
        parser.add_argument("amount", help="Whole coins as a plain decimal number, for example 1500.25.")
        parser.add_argument(
            "--reference", help="Names this payment; repeating it with the same content pays only once."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_MODE:
            raise CommandError("Money is only made out of nothing in demo mode (EXCHANGE_DEMO=true).")
        account = Account.objects.filter(user__email=options["email"].strip().lower()).first()
        if account is None:
            raise CommandError(f"There is no account of {options['email']}.")
        asset = Asset.objects.filter(symbol=options["asset"].upper()).first()
        if asset is None:
            raise CommandError(f"There is no asset {options['asset']}.")
        try:
            units = asset.spec().parse(options["amount"])
            if units == 0:
                raise CommandError("The amount must be above zero.")
        except InvalidNumber as error:
            raise CommandError(str(error)) from error
        if len(options["reference"] or "") > MAX_REFERENCE:
            raise CommandError(f"A reference has at most {MAX_REFERENCE} characters.")
        credit = Credit(account.pk, asset.symbol, units, options["reference"] or f"fund:{uuid.uuid4().hex}")
        try:
            if options["reference"] and services.is_paid(credit):
                self.stdout.write(f"{credit.reference} has been paid already; nothing was done.")
                return
            answers = services.fund_house_and_credit([credit], reason="manage.py fund")
            services.wait_for_database(answers[-1].n)
            bring_coins(asset, units, sender_of(credit.reference))
        except (ApiError, services.DatabaseBehind) as error:
            what = f"{error.kind.code}: {error.message or error.kind.message}" if isinstance(error, ApiError) else error
            raise CommandError(f"{what} (To try again without paying twice: --reference {credit.reference})") from error
        balance = Balance.objects.get(account=account, asset=asset)
        spec = asset.spec()
        self.stdout.write(
            f"{account} has {spec.format(balance.available_units)} {asset.symbol} available and "
            f"{spec.format(balance.locked_units)} locked (outcome {answers[-1].n})."
        )
