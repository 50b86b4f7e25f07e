"""Which state follows which. Everything that moves money reads its row under a lock and moves it here.

A trigger in the database (migration `wallet_states`) refuses the way back even to a hand-written UPDATE.
"""

from django.utils import timezone

from accounts.wallet.models import Deposit, Withdrawal

_W, _D = Withdrawal.State, Deposit.State

WITHDRAWAL_STEPS: dict[str, frozenset[str]] = {
    _W.CREATED: frozenset({_W.RESERVED, _W.REFUSED}),
    _W.RESERVED: frozenset({_W.APPROVED, _W.RELEASING}),
    _W.APPROVED: frozenset({_W.SIGNED, _W.SETTLING, _W.RELEASING}),  # Straight to settling: to an account here.
    _W.SIGNED: frozenset({_W.SENT}),
    _W.SENT: frozenset({_W.SETTLING}),
    _W.SETTLING: frozenset({_W.SETTLED}),
    _W.RELEASING: frozenset({_W.RELEASED}),
}
DEPOSIT_STEPS: dict[str, frozenset[str]] = {
    _D.PENDING: frozenset({_D.CREDITING}),
    _D.CREDITING: frozenset({_D.CREDITED}),
    _D.CREDITED: frozenset({_D.REVERSING}),
    _D.REVERSING: frozenset({_D.REVERSED, _D.LOST}),
    _D.REVERSED: frozenset({_D.PENDING}),  # Only with the next round.
}
CANCELLABLE = frozenset({_W.RESERVED, _W.APPROVED})
OVER = frozenset({_W.REFUSED, _W.SETTLED, _W.RELEASED})


class WrongState(Exception):
    """The row is not where this step begins: somebody else was faster, or the step was already done."""


def locked_withdrawal(pk: int) -> Withdrawal:
    """The row, locked until the transaction ends. Raises Withdrawal.DoesNotExist."""
    return Withdrawal.objects.select_for_update(of=("self",)).select_related("network__asset", "account").get(pk=pk)


def locked_deposit(pk: int) -> Deposit:
    return Deposit.objects.select_for_update(of=("self",)).select_related("network__asset").get(pk=pk)


def move_withdrawal(withdrawal: Withdrawal, state: str, **changes: object) -> None:
    """One step of a row the caller has locked, saved with `changes`. Raises WrongState."""
    if state not in WITHDRAWAL_STEPS.get(withdrawal.state, frozenset()):
        raise WrongState(f"{withdrawal} cannot go from {withdrawal.state} to {state}.")
    withdrawal.state = state
    withdrawal.state_since = timezone.now()
    _save(withdrawal, {"state", "state_since"}, changes)


def move_deposit(deposit: Deposit, state: str, **changes: object) -> None:
    """One step of a row the caller has locked, saved with `changes`. Raises WrongState."""
    if state not in DEPOSIT_STEPS.get(deposit.state, frozenset()):
        raise WrongState(f"{deposit} cannot go from {deposit.state} to {state}.")
    deposit.state = state
    _save(deposit, {"state"}, changes)


def _save(row: Withdrawal | Deposit, names: set[str], changes: dict[str, object]) -> None:
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(update_fields=names | changes.keys())
