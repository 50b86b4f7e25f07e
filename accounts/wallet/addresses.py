"""The address book: where somebody's money may go, and from when on."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Account, AuditEntry
from accounts.wallet.chain import ChainError, chain_of
from accounts.wallet.models import DepositAddress, WithdrawalAddress
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError

MAX_ENTRIES = 100
MAX_MEMO = 64


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a withdrawal goes. `to_account_id` when the address is one of ours: then no chain is needed."""

    address: str
    memo: str
    to_account_id: int | None
    entry: WithdrawalAddress | None
    usable_from: datetime


def check_address(blockchain: str, address: str, memo: str = "") -> None:
    """Raises ApiError INVALID_CLIENT_REQUEST for what is no address there."""
    try:
        valid = len(address) <= 128 and address.isascii() and chain_of(blockchain).is_valid_address(address)
    except KeyError:
        raise unknown_chain() from None
    except ChainError as error:
        raise ApiError(
            errors.MAINTENANCE, f"The node of {blockchain} is away; nothing was executed", {"executed": False}
        ) from error
    if not valid:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"This is not an address on {blockchain}; is it complete?")
    if len(memo) > MAX_MEMO or not memo.isprintable():
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"A memo has at most {MAX_MEMO} printable characters")


def unknown_chain() -> ApiError:
    return ApiError(errors.INVALID_CLIENT_REQUEST, "Unknown blockchain")


def entries(account_id: int) -> list[WithdrawalAddress]:
    return list(
        WithdrawalAddress.objects.filter(account_id=account_id, removed_at__isnull=True).order_by("blockchain", "pk")
    )


def add(
    account: Account, blockchain: str, address: str, *, memo: str = "", label: str = "", for_keys: bool = False
) -> WithdrawalAddress:
    """A new entry, usable after the hold; one that exists already stays as it is. Raises ApiError."""
    check_address(blockchain, address, memo)
    if len(label) > 64 or "\0" in label:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "A label has at most 64 characters")
    known = _entry(account.pk, blockchain, address, memo)
    if known is not None:
        return known
    if len(entries(account.pk)) >= MAX_ENTRIES:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"An address book has at most {MAX_ENTRIES} entries")
    try:
        with transaction.atomic():
            entry = WithdrawalAddress.objects.create(
                account=account,
                blockchain=blockchain,
                address=address,
                memo=memo,
                label=label,
                for_keys=for_keys,
                usable_from=new_usable_from(),
            )
            _note(account, "wallet.address.add", entry)
            return entry
    except IntegrityError:
        found = _entry(account.pk, blockchain, address, memo)
        assert found is not None, "the unique constraint says that it exists"
        return found


def remove(account: Account, entry_id: int) -> None:
    """Raises ApiError RESOURCE_NOT_FOUND. Withdrawals already asked for keep their destination."""
    with transaction.atomic():
        entry = (
            WithdrawalAddress.objects.select_for_update()
            .filter(pk=entry_id, account=account, removed_at__isnull=True)
            .first()
        )
        if entry is None:
            raise ApiError(errors.RESOURCE_NOT_FOUND)
        entry.removed_at = timezone.now()
        entry.save(update_fields=["removed_at"])
        _note(account, "wallet.address.remove", entry)


def destination(account: Account, blockchain: str, address: str, memo: str) -> Destination:
    """Where money for this address goes; `entry` is None when it is new. Raises ApiError.

    Changes nothing: what somebody may add to the book is decided after the second factor.
    """
    check_address(blockchain, address, memo)
    if chain_of(blockchain).wallet_address() == address:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "This is the venue's own wallet; send to a person's address")
    own = DepositAddress.objects.filter(blockchain=blockchain, address=address).first()
    if own is not None and own.account_id == account.pk:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "This is your own deposit address here")
    entry = _entry(account.pk, blockchain, address, memo)
    to_account_id = None if own is None else own.account_id
    return Destination(address, memo, to_account_id, entry, new_usable_from() if entry is None else entry.usable_from)


def new_usable_from() -> datetime:
    return timezone.now() + timedelta(seconds=settings.WALLET_ADDRESS_HOLD_S)


def _entry(account_id: int, blockchain: str, address: str, memo: str) -> WithdrawalAddress | None:
    return WithdrawalAddress.objects.filter(
        account_id=account_id, blockchain=blockchain, address=address, memo=memo, removed_at__isnull=True
    ).first()


def _note(account: Account, action: str, entry: WithdrawalAddress) -> None:
    AuditEntry.objects.create(
        actor=account.user, action=action, subject=f"{entry.blockchain} {entry.address}"[:128], reason=entry.label
    )
