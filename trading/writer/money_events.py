"""Money: balances as they are, and double entries whose legs sum to zero in every asset.

Trades have no postings of their own: their legs are read off the fills (`trading.ledger`). What moves between available
and locked of one account (an order, a reserved withdrawal) has none either; the steps of its balance tell it.
"""

from collections.abc import Callable
from typing import Any

from accounts.models import FEES_ACCOUNT_ID, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID
from matching import messages as m
from trading.writer.rows import REFERENCE_LENGTH, Rows, cut

LEGS_PER_EVENT = 8  # A posting's id is event seq x 8 + leg.

# LedgerPosting.Kind, as plain text.
CREDIT, FEE, FUNDING, TRADE = "credit", "fee", "funding", "trade"
DEPOSIT, WITHDRAWAL, DEBIT, DEFUNDING = "deposit", "withdraw", "debit", "defund"


class MoneyEvents(Rows):
    def money_handlers(self) -> dict[type, Callable[[Any, int], None]]:
        return {
            m.BalanceChanged: self._balance_changed,
            m.HouseFunded: self._house_funded,
            m.HouseDefunded: self._house_defunded,
            m.AccountCredited: self._account_credited,
            m.AccountDebited: self._account_debited,
            m.DepositCredited: self._deposit_credited,
            m.WithdrawalReserved: _nothing,
            m.WithdrawalReleased: _nothing,
            m.WithdrawalSettled: self._withdrawal_settled,
        }

    def _balance_changed(self, event: m.BalanceChanged, seq: int) -> None:
        key = event.account_id, self._references.asset_id(event.asset)
        self._changes.balances[key] = event.available_units, event.locked_units
        self._changes.steps[key] = seq, self._at

    # --------------------------------------------------------------------------------- house, deposits, withdrawals

    def _house_funded(self, event: m.HouseFunded, seq: int) -> None:
        self._move(seq, FUNDING, OUTSIDE_ACCOUNT_ID, HOUSE_ACCOUNT_ID, event.asset, event.units, event.reference)

    def _house_defunded(self, event: m.HouseDefunded, seq: int) -> None:
        self._move(seq, DEFUNDING, HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID, event.asset, event.units, event.reference)

    def _account_credited(self, event: m.AccountCredited, seq: int) -> None:
        self._move(seq, CREDIT, HOUSE_ACCOUNT_ID, event.account_id, event.asset, event.units, event.reference)

    def _account_debited(self, event: m.AccountDebited, seq: int) -> None:
        self._move(seq, DEBIT, event.account_id, HOUSE_ACCOUNT_ID, event.asset, event.units, event.reference)

    def _deposit_credited(self, event: m.DepositCredited, seq: int) -> None:
        reference = f"deposit:{event.deposit_id}"
        self._move(seq, DEPOSIT, OUTSIDE_ACCOUNT_ID, event.account_id, event.asset, event.units, reference)

    def _withdrawal_settled(self, event: m.WithdrawalSettled, seq: int) -> None:
        payee = OUTSIDE_ACCOUNT_ID if event.to_account_id is None else event.to_account_id
        asset_id, first = self._references.asset_id(event.asset), seq * LEGS_PER_EVENT
        reference, at, postings = f"withdrawal:{event.withdrawal_id}", self._at, self._changes.postings
        paid = event.units - event.fee_units
        postings.append((first, seq, at, WITHDRAWAL, event.account_id, asset_id, -event.units, reference))
        postings.append((first + 1, seq, at, WITHDRAWAL, payee, asset_id, paid, reference))
        if event.fee_units:
            postings.append((first + 2, seq, at, FEE, FEES_ACCOUNT_ID, asset_id, event.fee_units, reference))

    def _move(self, seq: int, kind: str, payer: int, payee: int, asset: str, units: int, reference: str) -> None:
        asset_id, first = self._references.asset_id(asset), seq * LEGS_PER_EVENT
        reference = cut(reference, REFERENCE_LENGTH)
        self._changes.postings.append((first, seq, self._at, kind, payer, asset_id, -units, reference))
        self._changes.postings.append((first + 1, seq, self._at, kind, payee, asset_id, units, reference))


def _nothing(_event: Any, _seq: int) -> None:
    """The balance says it; no account gets or gives anything."""
