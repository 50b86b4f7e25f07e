"""Withdrawals as their owner asks for them: request, confirm, cancel. What happens by itself is in `progress`.

A request is checked from the most telling to the dearest: asset, amount, funds, chain, address, second factor, limits.
The engine has the last word on funds: it reserves, and only one of many at once can win.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import Account, AuditEntry, Balance
from accounts.wallet import addresses, alarms, crash, outbox, risk, second_factor
from accounts.wallet.drainer import drain_until
from accounts.wallet.models import AssetNetwork, OutboxCommand, Withdrawal
from accounts.wallet.states import CANCELLABLE, OVER, locked_withdrawal, move_withdrawal
from accounts.wallet.value import last_prices, value_cents
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.models import Asset
from matching.symbols import InvalidNumber

RESERVE_TIMEOUT_S = 5
MAX_CLIENT_ID = 255
MAX_OPEN = 50  # Unfinished withdrawals of one account.
_State = Withdrawal.State


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for, as text from outside. `key_id` None: by the page, where a mail must be answered."""

    symbol: str
    blockchain: str
    address: str
    quantity: str
    memo: str = ""
    client_id: str | None = None
    code: str = ""
    key_id: int | None = None
    ip_address: str | None = None


def request(account: Account, wish: Wish) -> Withdrawal:
    """A withdrawal whose money is reserved when this returns. Asking again with the same client id gives the same one.

    Raises ApiError; with `executed` "unknown" the withdrawal exists and may still be reserved.
    """
    asset, units = _amount(wish)
    known = _known(account, wish, asset, units)
    if known is not None:
        return _reserved(known)
    if alarms.stopped_by() is not None:
        raise ApiError(errors.MAINTENANCE, "Withdrawals are stopped for now; nothing was executed", {"executed": False})
    _check_funds(account, asset, units)
    network = _network(asset, wish.blockchain)
    to = addresses.destination(account, network.blockchain, wish.address, wish.memo)
    internal = to.to_account_id is not None
    fee_units = 0 if internal else network.withdrawal_fee_units
    if units < network.minimum_withdrawal_units or units <= fee_units:
        least = asset.spec().format(network.minimum_withdrawal_units)
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"The smallest withdrawal is {least} {asset.symbol}")
    assert account.user is not None, "only people withdraw"
    trusted = wish.key_id is not None and to.entry is not None and to.entry.for_keys
    if not (trusted and to.usable_from <= timezone.now()):
        second_factor.demand(account.user, wish.code)
    if to.entry is None:
        addresses.add(account, network.blockchain, to.address, memo=to.memo)
    row = Withdrawal(
        account=account,
        network=network,
        units=units,
        fee_units=fee_units,
        address=to.address,
        memo=to.memo,
        to_account_id=to.to_account_id,
        client_id=wish.client_id,
        key_id=wish.key_id,
        ip_address=wish.ip_address,
        value_cents=value_cents(asset, units, last_prices()) or 0,
        needs_mail=not trusted,
        not_before=max(to.usable_from, risk.frozen_until(account.pk)),
    )
    return _reserved(_record(account, row))


def _amount(wish: Wish) -> tuple[Asset, int]:
    asset = Asset.objects.filter(symbol=wish.symbol).first() if "\0" not in wish.symbol else None
    if asset is None:
        raise ApiError(errors.INVALID_ASSET)
    try:
        units = asset.spec().parse(wish.quantity, "Quantity")
    except InvalidNumber as error:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, str(error)) from None
    if units == 0:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, "Quantity must be above zero")
    client_id = wish.client_id
    if client_id is not None and (len(client_id) > MAX_CLIENT_ID or "\0" in client_id):
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"clientId has at most {MAX_CLIENT_ID} characters")
    return asset, units


def _known(account: Account, wish: Wish, asset: Asset, units: int) -> Withdrawal | None:
    """What was asked for before under this client id. Raises ApiError when that was something else."""
    if wish.client_id is None:
        return None
    row = Withdrawal.objects.filter(account=account, client_id=wish.client_id).select_related("network__asset").first()
    if row is None:
        return None
    if (row.network.asset_id, row.network.blockchain, row.address, row.units) != (
        asset.pk,
        wish.blockchain,
        wish.address,
        units,
    ):
        raise ApiError(errors.PRECONDITION_FAILED, "This clientId was used for another withdrawal")
    return row


def _check_funds(account: Account, asset: Asset, units: int) -> None:
    """A look at the database, to say no early; the engine decides."""
    held = Balance.objects.filter(account=account, asset=asset).values_list("available_units", flat=True).first()
    if (held or 0) < units:
        raise ApiError(errors.INSUFFICIENT_FUNDS)


def _network(asset: Asset, blockchain: str) -> AssetNetwork:
    row = AssetNetwork.objects.filter(asset=asset, blockchain=blockchain).select_related("asset").first()
    if row is None:
        raise addresses.unknown_chain()
    if not row.withdraw_enabled:
        raise ApiError(errors.INVALID_CLIENT_REQUEST, f"Withdrawals of {asset.symbol} are closed for now")
    return row


def _record(account: Account, row: Withdrawal) -> Withdrawal:
    """Under the account's lock, so that limits count every other request. Raises ApiError."""
    with transaction.atomic(durable=True):
        Account.objects.select_for_update().get(pk=account.pk)
        twin = Withdrawal.objects.filter(account=account, client_id=row.client_id).select_related("network").first()
        if row.client_id is not None and twin is not None:  # The same request came twice at the same moment.
            if (twin.network_id, twin.address, twin.units) != (row.network_id, row.address, row.units):
                raise ApiError(errors.PRECONDITION_FAILED, "This clientId was used for another withdrawal")
            return twin
        if Withdrawal.objects.filter(account=account).exclude(state__in=OVER).count() >= MAX_OPEN:
            raise ApiError(errors.TOO_MANY_REQUESTS, f"At most {MAX_OPEN} withdrawals can be under way")
        risk.check_limits(row)
        risk.mark(row)
        row.save()
        outbox.reserve(row)
    crash.passed("requested")
    return row


def _reserved(row: Withdrawal) -> Withdrawal:
    """Wait for the engine's word on it. Raises ApiError."""
    command = OutboxCommand.objects.get(withdrawal=row, kind=OutboxCommand.Kind.RESERVE)
    command = drain_until(command, RESERVE_TIMEOUT_S)
    if command.state == OutboxCommand.State.WAITING and _take_back(row, command):
        raise ApiError(errors.MAINTENANCE, "Withdrawals wait for the engine; nothing was executed", {"executed": False})
    row = Withdrawal.objects.select_related("network__asset").get(pk=row.pk)
    if row.state == _State.CREATED:
        message = "No answer yet; look at your withdrawals before asking again"
        raise ApiError(errors.TIMEOUT, message, {"executed": "unknown"})
    if row.state == _State.REFUSED:
        _explain_refusal(row)
    return row


def _take_back(row: Withdrawal, command: OutboxCommand) -> bool:
    """End a withdrawal whose reservation was never sent. False: it has been sent meanwhile."""
    with transaction.atomic(durable=True):
        dropped = outbox.drop(command)
        if dropped:
            move_withdrawal(locked_withdrawal(row.pk), _State.REFUSED, reason="the engine was away", client_id=None)
        return dropped


def _explain_refusal(row: Withdrawal) -> None:
    if row.reason == "insufficient_funds":
        raise ApiError(errors.INSUFFICIENT_FUNDS)
    raise ApiError(errors.INVALID_CLIENT_REQUEST, f"The withdrawal was refused: {row.reason.replace('_', ' ')}")


def confirm(account: Account, pk: int) -> Withdrawal:
    """Its owner has followed the link in the mail. Doing it again changes nothing. Raises ApiError."""
    with transaction.atomic():
        row = _own(account, pk)
        if row.state not in (_State.CREATED, _State.RESERVED):
            raise ApiError(errors.PRECONDITION_FAILED, "This withdrawal no longer waits for a confirmation")
        if row.confirmed_at is None:
            row.confirmed_at = timezone.now()
            row.save(update_fields=["confirmed_at"])
        return row


def cancel(account: Account, pk: int) -> Withdrawal:
    """Before it is signed. Doing it again changes nothing. Raises ApiError."""
    with transaction.atomic():
        row = _own(account, pk)
        if row.state in (_State.RELEASING, _State.RELEASED):
            return row
        end(row, "cancelled by its owner")
        AuditEntry.objects.create(actor=account.user, action="wallet.withdrawal.cancel", subject=str(row))
        return row


def end(row: Withdrawal, reason: str) -> None:
    """Give the money of a row that the caller has locked back. Raises ApiError when it is too late or too early."""
    if row.state not in CANCELLABLE:
        raise ApiError(errors.PRECONDITION_FAILED, f"It cannot be cancelled: {row.get_state_display().lower()}")
    move_withdrawal(row, _State.RELEASING, reason=reason[:256])
    outbox.release(row)


def _own(account: Account, pk: int) -> Withdrawal:
    """The caller's row, locked; somebody else's is not found."""
    try:
        row = locked_withdrawal(pk)
    except Withdrawal.DoesNotExist:
        raise ApiError(errors.RESOURCE_NOT_FOUND) from None
    if row.account_id != account.pk:
        raise ApiError(errors.RESOURCE_NOT_FOUND)
    return row


def mail_deadline(row: Withdrawal) -> timedelta:
    """How long after the request its mail must be answered."""
    return timedelta(seconds=settings.WALLET_MAIL_VALID_S)
