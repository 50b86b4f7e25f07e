"""What the engine is still to be told (`docs/wallet.md`).

A wish is a row, made in the same transaction as the step that needs it, with a `key` that exists once: an effect can
be wished only once. The drainer (`accounts.wallet.drainer`) gives the row its number and sends it until it is answered.
"""

from typing import Any

from accounts.wallet.models import Deposit, OutboxCommand, Withdrawal
from matching.messages import (
    Command,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    ReleaseWithdrawal,
    ReserveWithdrawal,
    SettleWithdrawal,
)

_Kind = OutboxCommand.Kind
_COMMANDS: dict[str, type[Any]] = {
    _Kind.CREDIT: CreditDeposit,
    _Kind.RESERVE: ReserveWithdrawal,
    _Kind.SETTLE: SettleWithdrawal,
    _Kind.RELEASE: ReleaseWithdrawal,
    _Kind.DEBIT: DebitAccount,
    _Kind.DEFUND: DefundHouse,
}
ACTOR = "wallet"


def command_of(row: OutboxCommand) -> Command:
    """What is sent for a row that has its number."""
    assert row.number is not None, "a row is numbered before it is sent"
    command: Command = _COMMANDS[row.kind](**row.command, wallet_number=row.number)
    return command


def reserve(withdrawal: Withdrawal) -> OutboxCommand:
    members = {
        "account_id": withdrawal.account_id,
        "asset": withdrawal.network.asset.symbol,
        "units": withdrawal.units,
        "fee_units": withdrawal.fee_units,
        "withdrawal_id": withdrawal.engine_id,
    }
    return _wish(_Kind.RESERVE, f"reserve:{withdrawal.engine_id}", members, withdrawal=withdrawal)


def settle(withdrawal: Withdrawal) -> OutboxCommand:
    members = {"withdrawal_id": withdrawal.engine_id, "to_account_id": withdrawal.to_account_id}
    return _wish(_Kind.SETTLE, f"settle:{withdrawal.engine_id}", members, withdrawal=withdrawal)


def release(withdrawal: Withdrawal) -> OutboxCommand:
    members = {"withdrawal_id": withdrawal.engine_id}
    return _wish(_Kind.RELEASE, f"release:{withdrawal.engine_id}", members, withdrawal=withdrawal)


def credit(deposit: Deposit) -> OutboxCommand:
    members = {
        "account_id": deposit.account_id,
        "asset": deposit.network.asset.symbol,
        "units": deposit.units,
        "deposit_id": deposit.engine_id,
    }
    return _wish(_Kind.CREDIT, f"credit:{deposit.engine_id}", members, deposit=deposit)


def debit(deposit: Deposit) -> OutboxCommand:
    """Take a credited deposit back that its chain has undone."""
    members = {
        "account_id": deposit.account_id,
        "asset": deposit.network.asset.symbol,
        "units": deposit.units,
        "reference": f"undone:{deposit.engine_id}",
        "actor": ACTOR,
        "reason": f"{deposit.blockchain} undid {deposit.transaction_hash}"[:256],
    }
    return _wish(_Kind.DEBIT, f"debit:{deposit.engine_id}", members, deposit=deposit)


def defund_for_deposit(deposit: Deposit) -> OutboxCommand:
    """The money of an undone deposit is not on the chain, so it leaves the house: taken back before, or its loss."""
    reference = f"undone:{deposit.engine_id}"
    return _defund(deposit.network.asset.symbol, deposit.units, reference, "A chain undid a deposit", deposit=deposit)


def defund_for_network_fee(withdrawal: Withdrawal, asset: str, units: int) -> OutboxCommand:
    """What the chain took for sending, paid by the house."""
    reference = f"network:{withdrawal.engine_id}"
    return _defund(asset, units, reference, "Network fee", withdrawal=withdrawal)


def _defund(asset: str, units: int, reference: str, reason: str, **subject: Any) -> OutboxCommand:
    members = {"asset": asset, "units": units, "reference": reference, "actor": ACTOR, "reason": reason}
    return _wish(_Kind.DEFUND, f"defund:{reference}", members, **subject)


def _wish(kind: str, key: str, members: dict[str, Any], **subject: Any) -> OutboxCommand:
    row, _ = OutboxCommand.objects.get_or_create(key=key, defaults={"kind": kind, "command": members, **subject})
    return row


def drop(row: OutboxCommand) -> bool:
    """Take a wish back that has never been sent. False: it has been, so its answer must be awaited."""
    waiting = OutboxCommand.objects.filter(pk=row.pk, state=OutboxCommand.State.WAITING)
    return bool(waiting.update(state=OutboxCommand.State.DROPPED))
