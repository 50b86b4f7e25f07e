"""Postings by hand: the database takes them only whole."""

from typing import Any

from accounts.models import OUTSIDE_ACCOUNT_ID, LedgerPosting


def post(**leg: Any) -> None:
    """One leg of an event, and the other one of the outside world."""
    mine = LedgerPosting(**leg)
    other = LedgerPosting(**{**leg, "id": mine.id + 1, "account": None, "reference": "", "units": -mine.units})
    other.account_id = OUTSIDE_ACCOUNT_ID
    LedgerPosting.objects.bulk_create([mine, other])
