"""Money that enters, leaves or waits to leave: the treasury's commands and the wallet's.

Commands of the wallet are numbered without a gap. A success uses its number up; the same number again is answered
`Done` and does nothing, so whoever is not sure simply sends it again, however late (docs/money.md).
"""

from matching.core.balances import HOUSE_ACCOUNT_ID, AssetBook
from matching.core.venue import Venue, Withdrawal
from matching.messages import (
    MAX_INT,
    AccountCredited,
    AccountDebited,
    CreditAccount,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    DepositCredited,
    Event,
    FundHouse,
    HouseDefunded,
    HouseFunded,
    RefusalReason,
    ReleaseWithdrawal,
    ReserveWithdrawal,
    SettleWithdrawal,
    WithdrawalReleased,
    WithdrawalReserved,
    WithdrawalSettled,
)

WALLET_LOG_LENGTH = 10_000  # Numbers whose content is remembered.


# ------------------------------------------------------------------------------------------------------------ treasury


def fund_house(venue: Venue, cmd: FundHouse, events: list[Event]) -> RefusalReason | None:
    """Money from outside, for the house."""
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if asset.funded_units + cmd.units > MAX_INT:
        return RefusalReason.SUPPLY_TOO_LARGE
    _bring_in(venue, asset, HOUSE_ACCOUNT_ID, cmd.units)
    events.append(HouseFunded(asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None


def defund_house(venue: Venue, cmd: DefundHouse, events: list[Event]) -> RefusalReason | None:
    """House money leaves the venue."""
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    house = asset.row(HOUSE_ACCOUNT_ID)
    if house.available < cmd.units:
        return RefusalReason.HOUSE_FUNDS_TOO_SMALL
    venue.balances.touch(house)
    house.available -= cmd.units
    _take_out(asset, cmd.units)
    events.append(HouseDefunded(asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None


def credit_account(venue: Venue, cmd: CreditAccount, events: list[Event]) -> RefusalReason | None:
    """The house pays an account, out of what it has."""
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if not _is_customer(cmd.account_id):
        return RefusalReason.INVALID_PARAMETER
    if asset.row(HOUSE_ACCOUNT_ID).available < cmd.units:
        return RefusalReason.HOUSE_FUNDS_TOO_SMALL
    _move(venue, asset, HOUSE_ACCOUNT_ID, cmd.account_id, cmd.units)
    events.append(AccountCredited(account_id=cmd.account_id, asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None


def debit_account(venue: Venue, cmd: DebitAccount, events: list[Event]) -> RefusalReason | None:
    """An account pays the house, out of what it has free."""
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if not _is_customer(cmd.account_id):
        return RefusalReason.INVALID_PARAMETER
    row = asset.rows.get(cmd.account_id)
    if row is None or row.available < cmd.units:
        return RefusalReason.INSUFFICIENT_FUNDS
    _move(venue, asset, cmd.account_id, HOUSE_ACCOUNT_ID, cmd.units)
    events.append(AccountDebited(account_id=cmd.account_id, asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return None


# -------------------------------------------------------------------------------------------------------------- wallet


WalletCommand = CreditDeposit | ReserveWithdrawal | SettleWithdrawal | ReleaseWithdrawal | DebitAccount | DefundHouse


def by_number(venue: Venue, cmd: WalletCommand, events: list[Event]) -> RefusalReason | None:
    """Carry out a numbered command of the wallet, once."""
    number, entry = cmd.wallet_number, _entry(cmd)
    if number is None:
        return _carry_out(venue, cmd, events)
    if number <= venue.wallet_number:
        done = venue.wallet_log.get(number)
        if done is None:
            return RefusalReason.OUT_OF_SEQUENCE
        return None if done == entry else RefusalReason.IDEMPOTENCY_KEY_REUSED
    if number != venue.wallet_number + 1:
        return RefusalReason.OUT_OF_SEQUENCE
    reason = _carry_out(venue, cmd, events)
    if reason is None:
        venue.wallet_number = number
        venue.wallet_log[number] = entry
        venue.wallet_log.pop(number - WALLET_LOG_LENGTH, None)
    return reason


def _entry(cmd: WalletCommand) -> tuple[str, str]:
    """What is remembered of a wallet command: its kind and what it was about."""
    if isinstance(cmd, CreditDeposit):
        return ("deposit", str(cmd.deposit_id))
    if isinstance(cmd, DebitAccount | DefundHouse):
        return ("debit" if isinstance(cmd, DebitAccount) else "defund", cmd.reference)
    kinds = {ReserveWithdrawal: "reserve", SettleWithdrawal: "settle", ReleaseWithdrawal: "release"}
    return (kinds[type(cmd)], str(cmd.withdrawal_id))


def _carry_out(venue: Venue, cmd: WalletCommand, events: list[Event]) -> RefusalReason | None:
    if isinstance(cmd, CreditDeposit):
        return _credit_deposit(venue, cmd, events)
    if isinstance(cmd, ReserveWithdrawal):
        return _reserve(venue, cmd, events)
    if isinstance(cmd, SettleWithdrawal):
        return _settle(venue, cmd, events)
    if isinstance(cmd, ReleaseWithdrawal):
        return _release(venue, cmd, events)
    if isinstance(cmd, DebitAccount):
        return debit_account(venue, cmd, events)
    return defund_house(venue, cmd, events)


def _credit_deposit(venue: Venue, cmd: CreditDeposit, events: list[Event]) -> RefusalReason | None:
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT:
        return RefusalReason.INVALID_QUANTITY
    if not _is_customer(cmd.account_id):
        return RefusalReason.INVALID_PARAMETER
    if asset.funded_units + cmd.units > MAX_INT:
        return RefusalReason.SUPPLY_TOO_LARGE
    _bring_in(venue, asset, cmd.account_id, cmd.units)
    events.append(
        DepositCredited(
            account_id=cmd.account_id,
            asset=cmd.asset,
            units=cmd.units,
            deposit_id=cmd.deposit_id,
            wallet_number=cmd.wallet_number,
        )
    )
    return None


def _reserve(venue: Venue, cmd: ReserveWithdrawal, events: list[Event]) -> RefusalReason | None:
    asset = venue.balances.assets.get(cmd.asset)
    if asset is None:
        return RefusalReason.UNKNOWN_ASSET
    if not 0 < cmd.units <= MAX_INT or not 0 <= cmd.fee_units < cmd.units:
        return RefusalReason.INVALID_QUANTITY
    if not _is_customer(cmd.account_id) or cmd.withdrawal_id in venue.withdrawals or cmd.withdrawal_id <= 0:
        return RefusalReason.INVALID_PARAMETER
    row = asset.rows.get(cmd.account_id)
    if row is None or row.available < cmd.units:
        return RefusalReason.INSUFFICIENT_FUNDS
    venue.balances.lock(row, cmd.units)
    venue.withdrawals[cmd.withdrawal_id] = Withdrawal(cmd.account_id, asset, cmd.units, cmd.fee_units)
    events.append(
        WithdrawalReserved(
            withdrawal_id=cmd.withdrawal_id,
            account_id=cmd.account_id,
            asset=cmd.asset,
            units=cmd.units,
            fee_units=cmd.fee_units,
            wallet_number=cmd.wallet_number,
        )
    )
    return None


def _settle(venue: Venue, cmd: SettleWithdrawal, events: list[Event]) -> RefusalReason | None:
    withdrawal = venue.withdrawals.get(cmd.withdrawal_id)
    if withdrawal is None:
        return RefusalReason.UNKNOWN_WITHDRAWAL
    if cmd.to_account_id is not None and not _is_customer(cmd.to_account_id):
        return RefusalReason.INVALID_PARAMETER
    asset, units, fee = withdrawal.asset, withdrawal.units, withdrawal.fee_units
    row = asset.row(withdrawal.account_id)
    venue.balances.touch(row)
    row.locked -= units
    if fee:
        venue.balances.touch(asset.fees)
        asset.fees.available += fee
    if cmd.to_account_id is None:
        _take_out(asset, units - fee)
    else:
        receiver = asset.row(cmd.to_account_id)
        venue.balances.touch(receiver)
        receiver.available += units - fee
    del venue.withdrawals[cmd.withdrawal_id]
    events.append(
        WithdrawalSettled(
            withdrawal_id=cmd.withdrawal_id,
            account_id=withdrawal.account_id,
            asset=asset.symbol,
            units=units,
            fee_units=fee,
            to_account_id=cmd.to_account_id,
            wallet_number=cmd.wallet_number,
        )
    )
    return None


def _release(venue: Venue, cmd: ReleaseWithdrawal, events: list[Event]) -> RefusalReason | None:
    withdrawal = venue.withdrawals.pop(cmd.withdrawal_id, None)
    if withdrawal is None:
        return RefusalReason.UNKNOWN_WITHDRAWAL
    asset = withdrawal.asset
    venue.balances.unlock(asset.row(withdrawal.account_id), withdrawal.units)
    events.append(
        WithdrawalReleased(
            withdrawal_id=cmd.withdrawal_id,
            account_id=withdrawal.account_id,
            asset=asset.symbol,
            units=withdrawal.units,
            wallet_number=cmd.wallet_number,
        )
    )
    return None


# --------------------------------------------------------------------------------------------------------------- moves


def _is_customer(account_id: int) -> bool:
    return 0 < account_id <= MAX_INT and account_id != HOUSE_ACCOUNT_ID


def _bring_in(venue: Venue, asset: AssetBook, account_id: int, units: int) -> None:
    """Make an asset's total grow; `drift_units` keeps the command's own balance of it."""
    row = asset.row(account_id)
    venue.balances.touch(row)
    row.available += units
    asset.funded_units += units
    asset.drift_units -= units


def _take_out(asset: AssetBook, units: int) -> None:
    """Make an asset's total shrink; the row has been reduced by the caller."""
    asset.funded_units -= units
    asset.drift_units += units


def _move(venue: Venue, asset: AssetBook, payer_id: int, receiver_id: int, units: int) -> None:
    payer, receiver = asset.row(payer_id), asset.row(receiver_id)
    venue.balances.touch(payer)
    venue.balances.touch(receiver)
    payer.available -= units
    receiver.available += units
