"""What the staff commands share: who acts and why, refusals in words, and what came of it."""

from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from exchange_site.kernel.errors import ApiError
from marketdata.models import Market, StaffWish
from marketdata.staff_acts import By, in_words
from marketdata.wishes import said

ACTOR_HELP = "Email address of the member of staff who does this; it goes to the audit trail and the engine's log."


class StaffCommand(BaseCommand):
    """A command whose verbs act for a member of staff, within that person's rights."""

    @staticmethod
    def acting(parser: ArgumentParser) -> None:
        parser.add_argument("--actor", required=True, metavar="EMAIL", help=ACTOR_HELP)
        parser.add_argument("--reason", required=True, help="Why. Traders may read it.")

    @staticmethod
    def by(options: dict[str, Any], permission: str) -> By:
        """Raises CommandError when there is no such person, or one without the right."""
        email = options["actor"].strip().lower()
        user = User.objects.filter(email=email).first()
        if user is None or not (user.is_active and user.is_staff):
            raise CommandError(f"{email} is no active member of staff.")
        if not user.has_perm(permission):
            raise CommandError(f"{email} lacks the right {permission}.")
        return By(user, options["reason"])

    def do(self, act: Callable[[], int | str | StaffWish]) -> None:
        """Raises CommandError with the refusal in words."""
        try:
            self.stdout.write(said(act()))
        except ApiError as error:
            raise CommandError(in_words(error)) from error

    def table(self, rows: list[tuple[str, str]]) -> None:
        width = max((len(name) for name, _ in rows), default=0)
        for name, value in rows:
            self.stdout.write(f"{name:<{width}}  {value}".rstrip())


def market_named(symbol: str) -> Market:
    """Raises CommandError."""
    market = Market.objects.filter(symbol=symbol.upper(), listed=True).select_related("base", "quote").first()
    if market is None:
        known = ", ".join(Market.objects.filter(listed=True).values_list("symbol", flat=True))
        raise CommandError(f"There is no market {symbol}; there are: {known or 'none'}.")
    return market
