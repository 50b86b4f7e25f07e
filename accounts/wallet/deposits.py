"""Deposits: where people pay to, what the chains show, and when it is credited.

A deposit is an output of a transaction (chain, transaction, output), never a transaction alone. What the chain shows
is read anew each time, so hearing of the same output five times changes nothing; money follows only the row's state.
"""

import hashlib
import logging

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from accounts.ledger.models import Book, WalletEntry
from accounts.models import Account
from accounts.wallet import alarms, book, crash, outbox
from accounts.wallet.chain import Chain, Changes, Incoming, chain_of
from accounts.wallet.locks import only_one
from accounts.wallet.models import AssetNetwork, Deposit, DepositAddress, ScanPosition
from accounts.wallet.states import WrongState, locked_deposit, move_deposit
from accounts.wallet.wake import BOOK_DUST, wake

log = logging.getLogger(__name__)

TREASURY_MEMO = "treasury"  # The venue's own money on its way into the wallet; nobody's deposit.
FROM_COLD_MEMO = "from cold"  # The same, from its cold wallet.
MOST_DUST = 1_000  # Deposits that one look for dust enters.
FINAL_AFTER = 4  # Watched until this many times the needed confirmations are there.
_State, _Held = Deposit.State, Deposit.Held


def address_of(account: Account, blockchain: str) -> DepositAddress:
    """The account's address there, made at the first question. Raises KeyError for an unknown chain, ChainError."""
    known = DepositAddress.objects.filter(account=account, blockchain=blockchain).first()
    if known is not None:
        return known
    address = chain_of(blockchain).new_address(account.pk)
    try:
        with transaction.atomic():
            return DepositAddress.objects.create(account=account, blockchain=blockchain, address=address)
    except IntegrityError:  # Another request was faster; its address is the one that counts.
        return DepositAddress.objects.get(account=account, blockchain=blockchain)


def memo_of(account: Account) -> str:
    """What somebody writes beside a payment to the wallet's common address."""
    return f"A{account.pk}"


def scan(blockchain: str) -> int:
    """Read a chain once and act on what it shows; how many outputs are ours. Does nothing while another one reads it.

    Raises ChainError.
    """
    with only_one(f"scan {blockchain}") as mine:
        if not mine:
            return 0
        chain = chain_of(blockchain)
        position, _ = ScanPosition.objects.get_or_create(pk=blockchain)
        networks = {row.asset.symbol: row for row in _networks(blockchain)}
        depth = max((row.confirmations for row in networks.values()), default=1) * FINAL_AFTER
        changes = chain.changes_since(position.cursor, depth)
        seen: set[tuple[str, int]] = set()
        for incoming, account in _ours(chain, changes.incoming):
            network = networks.get(incoming.asset)
            if network is not None:
                seen.add((incoming.transaction_hash, incoming.output_index))
                _look_at(network, incoming, account)
        _note_treasury(chain, networks, changes.incoming)
        _miss(blockchain, seen, changes)
        position.cursor, position.height, position.scanned_at = changes.cursor, changes.height, timezone.now()
        position.save()
        return len(seen)


def _networks(blockchain: str) -> list[AssetNetwork]:
    return list(AssetNetwork.objects.filter(blockchain=blockchain).select_related("asset"))


def _ours(chain: Chain, incoming: list[Incoming]) -> list[tuple[Incoming, Account | None]]:
    """Outputs that pay us, with the account they are for; None where only a memo could have told and does not."""
    addresses = {row.address for row in incoming}
    owners = {
        row.address: row.account
        for row in DepositAddress.objects.filter(blockchain=chain.blockchain, address__in=addresses).select_related(
            "account"
        )
    }
    common = chain.wallet_address()
    found: list[tuple[Incoming, Account | None]] = []
    for row in incoming:
        if row.address in owners:
            found.append((row, owners[row.address]))
        elif row.address == common and row.memo not in (TREASURY_MEMO, FROM_COLD_MEMO):
            found.append((row, _account_by_memo(row.memo)))
    return found


def _note_treasury(chain: Chain, networks: dict[str, AssetNetwork], incoming: list[Incoming]) -> None:
    """The venue's own coins are nobody's deposit, and stand in the ledger all the same."""
    hot, cold = chain.wallet_address(), chain.cold_address()
    for row in incoming:
        network = networks.get(row.asset)
        if network is None or row.memo not in (TREASURY_MEMO, FROM_COLD_MEMO) or row.address not in (hot, cold):
            continue
        if row.memo == TREASURY_MEMO:
            book.treasury_seen(network, row, cold=row.address == cold)
        elif row.address == hot:
            book.treasury_seen(network, row, from_cold=True)


def _account_by_memo(memo: str) -> Account | None:
    digits = memo.removeprefix("A")
    if memo == digits or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        return None
    return Account.objects.filter(pk=int(digits), kind=Account.Kind.USER).first()


def engine_id_of(blockchain: str, transaction_hash: str, output_index: int, round_: int) -> int:
    """The same output has the same id in every database that ever meets it."""
    text = f"{blockchain}|{transaction_hash}|{output_index}|{round_}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 3


def _look_at(network: AssetNetwork, incoming: Incoming, account: Account | None) -> None:
    """One output as the chain shows it now, under the lock of its row."""
    identity = {
        "blockchain": network.blockchain,
        "transaction_hash": incoming.transaction_hash,
        "output_index": incoming.output_index,
    }
    first = {
        "network": network,
        "account": account,
        "address": incoming.address,
        "memo": incoming.memo[:64],
        "units": incoming.units,
        "engine_id": engine_id_of(network.blockchain, incoming.transaction_hash, incoming.output_index, 1),
        "held": _why_held(network, incoming.units, account),
    }
    row, created = Deposit.objects.get_or_create(**identity, defaults=first)
    if created:
        crash.passed("deposit_seen")
    with transaction.atomic():
        deposit = locked_deposit(row.pk)
        if not deposit.on_chain:
            _came_back(deposit)
        deposit.on_chain = True
        deposit.block_height = incoming.block_height
        deposit.confirmations = incoming.confirmations
        deposit.is_final = incoming.confirmations >= network.confirmations * FINAL_AFTER
        deposit.save(update_fields=["on_chain", "block_height", "confirmations", "is_final"])
        if deposit.held == _Held.CLOSED and network.deposit_enabled:
            deposit.held = _why_held(network, deposit.units, account)
            deposit.save(update_fields=["held"])
        book.deposit_on_chain(deposit)
        _credit_if_ripe(deposit)


def _why_held(network: AssetNetwork, units: int, account: Account | None) -> str:
    if account is None:
        return _Held.UNKNOWN_MEMO
    if units < network.minimum_deposit_units:
        return _Held.BELOW_MINIMUM
    return _Held.NO if network.deposit_enabled else _Held.CLOSED


def _credit_if_ripe(deposit: Deposit) -> None:
    ripe = deposit.on_chain and deposit.confirmations >= deposit.network.confirmations
    if ripe and deposit.state == _State.PENDING and not deposit.held and deposit.account_id is not None:
        move_deposit(deposit, _State.CREDITING)
        outbox.credit(deposit)
        crash.passed("credit_enqueued")


def _came_back(deposit: Deposit) -> None:
    if deposit.state == _State.REVERSED:
        number = deposit.round + 1
        new_id = engine_id_of(deposit.blockchain, deposit.transaction_hash, deposit.output_index, number)
        move_deposit(deposit, _State.PENDING, round=number, engine_id=new_id, credited_at=None)
    elif deposit.state == _State.LOST:
        detail = "The house has borne it and its owner has it: the money on the chain belongs to the house."
        alarms.raise_alarm(alarms.DEPOSIT_IS_BACK, str(deposit), detail, stops=False)


def _miss(blockchain: str, seen: set[tuple[str, int]], changes: Changes) -> None:
    """Outputs that the chain should show and does not: watched ones, and deep ones that a reorganisation reached."""
    listed = Q(is_final=False) | Q(block_height__gt=changes.complete_above)
    rows = Deposit.objects.filter(listed, blockchain=blockchain)
    suspects = [row.pk for row in rows if (row.transaction_hash, row.output_index) not in seen]
    for transaction_hash, index in set(changes.gone) - seen:
        deep = Deposit.objects.filter(blockchain=blockchain, transaction_hash=transaction_hash, output_index=index)
        suspects += deep.filter(is_final=True).values_list("pk", flat=True)
    for pk in suspects:
        with transaction.atomic():
            deposit = locked_deposit(pk)
            if deposit.on_chain:
                deposit.on_chain, deposit.block_height, deposit.confirmations = False, None, 0
                deposit.is_final = False
                deposit.save(update_fields=["on_chain", "block_height", "confirmations", "is_final"])
                book.deposit_on_chain(deposit)
            if deposit.state == _State.CREDITED:
                _take_back(deposit)


def _take_back(deposit: Deposit) -> None:
    """After the credit: the account pays it back, and if it cannot, the house does."""
    move_deposit(deposit, _State.REVERSING)
    outbox.debit(deposit)
    detail = f"{deposit.blockchain} no longer shows {deposit.transaction_hash}, which was credited; it is taken back."
    alarms.raise_alarm(alarms.DEPOSIT_GONE, str(deposit), detail, stops=False)


def waits_for_owner(deposit: Deposit) -> bool:
    """Whether a person has to find out whose it is."""
    is_unknown = deposit.account_id is None and deposit.held == _Held.UNKNOWN_MEMO
    return is_unknown and deposit.state == _State.PENDING


def assign(deposit_pk: int, account: Account) -> None:
    """A person has found out whose a held deposit is. Raises states.WrongState when it is not held for that."""
    with transaction.atomic():
        deposit = locked_deposit(deposit_pk)
        if not waits_for_owner(deposit):
            raise WrongState(f"{deposit} does not wait for an owner.")
        deposit.account = account
        deposit.held = _why_held(deposit.network, deposit.units, account)
        deposit.save(update_fields=["account", "held"])
        _credit_if_ripe(deposit)
    wake(BOOK_DUST)


def book_dust() -> int:
    """Enter assigned deposits below the minimum as dust; how many.

    A person's web process has no right to write the ledger, so it leaves that to the next of these.
    """
    entered = WalletEntry.objects.filter(deposit=OuterRef("pk"), payer=Book.DUST)
    small = Deposit.objects.filter(held=_Held.BELOW_MINIMUM, state=_State.PENDING, block_height__isnull=False)
    rows = small.exclude(Exists(entered)).values_list("pk", flat=True)[:MOST_DUST]
    for pk in rows:
        with transaction.atomic():
            book.deposit_on_chain(locked_deposit(pk))
    return len(rows)
