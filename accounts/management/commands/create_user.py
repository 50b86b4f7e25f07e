"""`manage.py create_user EMAIL`: somebody who can log in, with an account."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts import services
from accounts.models import User
from accounts.tiers import UnknownTier, give_tier, tier_named


class Command(BaseCommand):
    help = "Creates a user with a trading account; the email address counts as confirmed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--password", help="Without it, one line is read from the terminal or standard input.")
        parser.add_argument("--rate-tier", help="For example 'load test'; without it, default limits.")
        parser.add_argument("--staff", action="store_true", help="May use the admin, with every right.")

    def handle(self, *args: Any, **options: Any) -> None:
        email = options["email"].strip().lower()
        password = options["password"]
        if password is None:
            password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_email(email)
            validate_password(password, User(email=email))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if User.objects.filter(email=email).exists():
            raise CommandError(f"There is a user {email} already.")
        try:
            if options["rate_tier"]:
                tier_named(options["rate_tier"])
        except UnknownTier as error:
            raise CommandError(str(error)) from error
        user = services.create_user(email, password, staff=options["staff"])
        if options["rate_tier"]:
            give_tier(user.account, options["rate_tier"])
        self.stdout.write(f"Created {user.email} with account {user.account.pk}.")
