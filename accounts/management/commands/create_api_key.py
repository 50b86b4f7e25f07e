"""`manage.py create_api_key EMAIL --public-key BASE64 --scopes read,trade`: register a key whose secret stays away."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import services
from accounts.models import Account
from accounts.signing.keys import InvalidPublicKey


class Command(BaseCommand):
    help = "Registers a public Ed25519 key of a user. The private half is made by its owner and never shown to us."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--public-key", required=True, help="Base64 of the raw 32 bytes.")
        parser.add_argument("--scopes", default="read", help="Of read, trade and withdraw, joined by commas.")
        parser.add_argument("--name", default="", help="For its owner to recognise it by.")

    def handle(self, *args: Any, **options: Any) -> None:
        account = Account.objects.filter(user__email=options["email"].strip().lower()).first()
        if account is None:
            raise CommandError(f"There is no account of {options['email']}.")
        scopes = {scope.strip() for scope in options["scopes"].split(",") if scope.strip()}
        try:
            key = services.create_api_key(account, options["public_key"], scopes, options["name"])
        except InvalidPublicKey as error:
            raise CommandError(f"{error}.") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Registered key {key.pk} of {account} for {', '.join(sorted(scopes))}.")
