"""The wallet's entries in the ledger (docs/ledger.md), each written in the transaction of the step it tells.

Every function may be called again for the same step: an entry's key exists once. The caller has locked the row.
"""

import hashlib
from typing import Any

from django.db.models import Case, F, Sum, When

from accounts.ledger.models import Book, WalletEntry
from accounts.wallet.chain import Incoming
from accounts.wallet.models import AssetNetwork, Deposit, Withdrawal
from marketdata.models import Asset

KEY_LENGTH = 96
_Kind = WalletEntry.Kind


def _enter(key: str, kind: str, payer: str, payee: str, asset: Asset, units: int, **more: Any) -> None:
    entry = WalletEntry(key=key, kind=kind, payer=payer, payee=payee, asset=asset, units=units, **more)
    WalletEntry.objects.bulk_create([entry], ignore_conflicts=True)


# ---------------------------------------------------------------------------------------------------------- deposits


def deposit_on_chain(deposit: Deposit) -> None:
    """Its coins are in the hot wallet while a block has them, and stand for a deposit in transit, or for dust."""
    if deposit.internal:
        return
    there = deposit.on_chain and deposit.block_height is not None
    rows = WalletEntry.objects.filter(deposit=deposit)
    count, stands_for = rows.count(), _stands_for(deposit)
    held = _net(rows, Book.HOT)
    place = Book.DUST if _net(rows, Book.DUST) else Book.DEPOSITS
    if there and not held:
        place = Book.DUST if deposit.held == Deposit.Held.BELOW_MINIMUM else Book.DEPOSITS
        _enter(f"deposit:{deposit.pk}:{count}", _Kind.SEEN, place, Book.HOT, **stands_for)
    elif held and not there:
        _enter(f"deposit:{deposit.pk}:{count}", _Kind.GONE, Book.HOT, place, **stands_for)
    elif held and deposit.held == Deposit.Held.BELOW_MINIMUM and place != Book.DUST:
        _enter(f"deposit:{deposit.pk}:{count}", _Kind.HELD, Book.DUST, Book.DEPOSITS, **stands_for)


def _net(rows: Any, book: Book) -> int:
    gets = Case(When(payee=book, then=F("units")), When(payer=book, then=-F("units")), default=0)
    return int(rows.aggregate(total=Sum(gets))["total"] or 0)


def deposit_credited(deposit: Deposit, outcome_n: int | None) -> None:
    """The engine owes it from now on."""
    key = f"credit:{deposit.engine_id}"
    _enter(key, _Kind.CREDITED, Book.BOOKS, Book.DEPOSITS, outcome_n=outcome_n, **_stands_for(deposit))


def deposit_undone(deposit: Deposit, undone: str, outcome_n: int | None) -> None:
    """The engine owes it no longer: taken back, or borne by the house.

    `undone` is the reference of the engine's posting: the deposit itself may be in its next round by now.
    """
    _enter(undone, _Kind.UNDONE, Book.DEPOSITS, Book.BOOKS, outcome_n=outcome_n, **_stands_for(deposit))


def _stands_for(deposit: Deposit) -> dict[str, Any]:
    return {
        "asset": deposit.network.asset,
        "units": deposit.units,
        "blockchain": deposit.blockchain,
        "account_id": deposit.account_id,
        "deposit": deposit,
        "reference": f"{deposit.transaction_hash}:{deposit.output_index}",
    }


def treasury_seen(network: AssetNetwork, incoming: Incoming, *, cold: bool = False, from_cold: bool = False) -> None:
    """The venue's own coins came into its hot or cold wallet, or from the cold into the hot one."""
    if incoming.block_height is None:
        return
    reference = f"{incoming.transaction_hash}:{incoming.output_index}"
    key = f"treasury:{network.blockchain}:{reference}"
    if len(key) > KEY_LENGTH:
        if WalletEntry.objects.filter(key=key[:KEY_LENGTH], reference=reference).exists():
            return  # Entered when keys were cut, which took the outputs of a transaction for one.
        key = f"treasury:{hashlib.sha256(key.encode()).hexdigest()}"
    _enter(
        key,
        _Kind.TREASURY,
        Book.COLD if from_cold else Book.BOOKS,
        Book.COLD if cold else Book.HOT,
        network.asset,
        incoming.units,
        blockchain=network.blockchain,
        reference=reference,
    )


# ------------------------------------------------------------------------------------------------------- withdrawals


def withdrawal_reserved(row: Withdrawal, outcome_n: int | None) -> None:
    key = f"reserved:{row.engine_id}"
    _enter(key, _Kind.RESERVED, Book.LOCKED, Book.PENDING, outcome_n=outcome_n, **_of(row, row.units))


def withdrawal_ended(row: Withdrawal, outcome_n: int | None) -> None:
    """Settled or released: nothing of it is reserved any more. What was sent outside leaves what the engine owes."""
    key = f"ended:{row.engine_id}"
    _enter(key, _Kind.ENDED, Book.PENDING, Book.LOCKED, outcome_n=outcome_n, **_of(row, row.units))
    if row.state == Withdrawal.State.SETTLED and row.to_account_id is None:
        key, paid = f"settled:{row.engine_id}", row.units - row.fee_units
        _enter(key, _Kind.SETTLED, Book.PAYMENTS, Book.BOOKS, outcome_n=outcome_n, **_of(row, paid))


def withdrawal_sent(row: Withdrawal, fee_asset: str, fee_units: int) -> None:
    """The chain took it: the coins and the network's fee are gone from the hot wallet."""
    paid = _of(row, row.units - row.fee_units)
    _enter(f"sent:{row.engine_id}", _Kind.SENT, Book.HOT, Book.PAYMENTS, **paid)
    if fee_units:
        fee = {**paid, "asset": Asset.objects.get(symbol=fee_asset), "units": fee_units}
        _enter(f"network:{row.engine_id}", _Kind.NETWORK_FEE, Book.HOT, Book.PAYMENTS, **fee)


def network_fee_booked(row: Withdrawal, asset: str, units: int, outcome_n: int | None) -> None:
    """The house has paid the network's fee in the engine."""
    fee = {**_of(row, units), "asset": Asset.objects.get(symbol=asset)}
    key = f"network-booked:{row.engine_id}"
    _enter(key, _Kind.NETWORK_FEE, Book.PAYMENTS, Book.BOOKS, outcome_n=outcome_n, **fee)


def _of(row: Withdrawal, units: int) -> dict[str, Any]:
    return {
        "asset": row.network.asset,
        "units": units,
        "blockchain": row.network.blockchain,
        "account_id": row.account_id,
        "withdrawal": row,
        "reference": row.transaction_hash,
    }


# ------------------------------------------------------------------------------------------------------------ figures


def balances() -> dict[tuple[int, str, str], int]:
    """Units by asset id, chain and book; each asset's sum to zero. What belongs to one user has no chain here."""
    found: dict[tuple[int, str, str], int] = {}
    for column, sign in (("payee", 1), ("payer", -1)):
        rows = WalletEntry.objects.order_by().values_list("asset_id", "blockchain", column)
        for asset_id, blockchain, book, units in rows.annotate(total=Sum("units")):
            key = asset_id, blockchain, book
            found[key] = found.get(key, 0) + sign * int(units)
    return found
