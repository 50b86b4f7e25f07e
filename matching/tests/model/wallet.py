"""Money that comes and goes: house, credits, deposits, withdrawals, and the numbers that make them safe to repeat."""

from dataclasses import dataclass

from matching.messages import (
    AccountCredited,
    AccountDebited,
    Command,
    CreditAccount,
    CreditDeposit,
    DebitAccount,
    DefundHouse,
    DepositCredited,
    Done,
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
from matching.tests.model.checks import refuse_if
from matching.tests.model.money import FEES, HOUSE

R = RefusalReason
REMEMBERED = 10_000


@dataclass
class Withdrawal:
    account_id: int
    asset: str
    units: int
    fee_units: int


def numbered(model, cmd: Command) -> Done:
    """Run a command of the wallet at its turn; say Done, without effect, to one that has been done."""
    number = cmd.wallet_number
    if number is None:
        return HANDLERS[type(cmd)](model, cmd)
    name = (type(cmd), next(getattr(cmd, n) for n in ("deposit_id", "withdrawal_id", "reference") if hasattr(cmd, n)))
    refuse_if(number > len(model.wallet_done) + 1 or number < 1, R.OUT_OF_SEQUENCE)
    refuse_if(number <= len(model.wallet_done) - REMEMBERED, R.OUT_OF_SEQUENCE)
    if number <= len(model.wallet_done):
        refuse_if(model.wallet_done[number - 1] != name, R.IDEMPOTENCY_KEY_REUSED)
        return Done()
    done = HANDLERS[type(cmd)](model, cmd)
    model.wallet_done.append(name)
    return done


def fund_house(model, cmd: FundHouse) -> Done:
    model.money.enter(HOUSE, cmd.asset, cmd.units)
    model.events.append(HouseFunded(asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return Done()


def credit(model, cmd: CreditAccount) -> Done:
    model.money.pay(HOUSE, cmd.account_id, cmd.asset, cmd.units, R.HOUSE_FUNDS_TOO_SMALL)
    model.events.append(
        AccountCredited(account_id=cmd.account_id, asset=cmd.asset, units=cmd.units, reference=cmd.reference)
    )
    return Done()


def defund_house(model, cmd: DefundHouse) -> Done:
    model.money.pay(HOUSE, None, cmd.asset, cmd.units, R.HOUSE_FUNDS_TOO_SMALL)
    model.events.append(HouseDefunded(asset=cmd.asset, units=cmd.units, reference=cmd.reference))
    return Done()


def debit(model, cmd: DebitAccount) -> Done:
    model.money.pay(cmd.account_id, HOUSE, cmd.asset, cmd.units, R.INSUFFICIENT_FUNDS)
    model.events.append(
        AccountDebited(account_id=cmd.account_id, asset=cmd.asset, units=cmd.units, reference=cmd.reference)
    )
    return Done()


def credit_deposit(model, cmd: CreditDeposit) -> Done:
    model.money.enter(cmd.account_id, cmd.asset, cmd.units)
    model.events.append(
        DepositCredited(
            account_id=cmd.account_id,
            asset=cmd.asset,
            units=cmd.units,
            deposit_id=cmd.deposit_id,
            wallet_number=cmd.wallet_number,
        )
    )
    return Done()


def reserve(model, cmd: ReserveWithdrawal) -> Done:
    model.money.check(cmd.asset, cmd.units)
    refuse_if(not 0 <= cmd.fee_units < cmd.units, R.INVALID_QUANTITY)
    refuse_if(model.money.free(cmd.account_id, cmd.asset) < cmd.units, R.INSUFFICIENT_FUNDS)
    model.money.lock(cmd.account_id, cmd.asset, cmd.units)
    model.withdrawals[cmd.withdrawal_id] = Withdrawal(cmd.account_id, cmd.asset, cmd.units, cmd.fee_units)
    members = {name: getattr(cmd, name) for name in WithdrawalReserved.__struct_fields__}
    model.events.append(WithdrawalReserved(**members))
    return Done()


def settle(model, cmd: SettleWithdrawal) -> Done:
    refuse_if(cmd.withdrawal_id not in model.withdrawals, R.UNKNOWN_WITHDRAWAL)
    held = model.withdrawals.pop(cmd.withdrawal_id)
    model.money.take_locked(held.account_id, held.asset, held.units)
    model.money.give(FEES, held.asset, held.fee_units)
    if cmd.to_account_id is not None:
        model.money.give(cmd.to_account_id, held.asset, held.units - held.fee_units)
    model.events.append(
        WithdrawalSettled(
            withdrawal_id=cmd.withdrawal_id,
            account_id=held.account_id,
            asset=held.asset,
            units=held.units,
            fee_units=held.fee_units,
            to_account_id=cmd.to_account_id,
            wallet_number=cmd.wallet_number,
        )
    )
    return Done()


def release(model, cmd: ReleaseWithdrawal) -> Done:
    refuse_if(cmd.withdrawal_id not in model.withdrawals, R.UNKNOWN_WITHDRAWAL)
    held = model.withdrawals.pop(cmd.withdrawal_id)
    model.money.lock(held.account_id, held.asset, -held.units)
    model.events.append(
        WithdrawalReleased(
            withdrawal_id=cmd.withdrawal_id,
            account_id=held.account_id,
            asset=held.asset,
            units=held.units,
            wallet_number=cmd.wallet_number,
        )
    )
    return Done()


HANDLERS = {
    DefundHouse: defund_house,
    DebitAccount: debit,
    CreditDeposit: credit_deposit,
    ReserveWithdrawal: reserve,
    SettleWithdrawal: settle,
    ReleaseWithdrawal: release,
}
