"""The ledger's view, which `trading.ledger.view` makes, under the name that it is read by."""

from accounts.ledger.models import LedgerEntry

__all__ = ["LedgerEntry"]
