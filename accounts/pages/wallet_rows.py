"""Deposits and withdrawals as words and figures for pages."""

from typing import Any

from accounts.wallet import progress
from accounts.wallet.models import Deposit, Withdrawal

_State = Withdrawal.State
_STEPS = (
    (_State.CREATED, "Asked for"),
    (_State.RESERVED, "Reserved"),
    (_State.APPROVED, "Approved"),
    (_State.SIGNED, "Signed"),
    (_State.SENT, "Sent"),
    (_State.SETTLED, "Paid"),
)
_INSIDE = (_State.CREATED, _State.RESERVED, _State.APPROVED, _State.SETTLED)
_ENDED = (_State.REFUSED, _State.RELEASING, _State.RELEASED)
_WAITS = {
    "mail": "your confirmation: open the link in the mail we sent you",
    "hold": "the end of its hold",
    "approval": "approval by an operator",
}


def in_words(seconds: int) -> str:
    """`86400` is `"24 hours"`."""
    for size, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0 and seconds >= size:
            count = seconds // size
            return f"{count} {word}" if count == 1 else f"{count} {word}s"
    return "no time"


def withdrawal_row(row: Withdrawal) -> dict[str, Any]:
    spec = row.network.asset.spec()
    return {
        "pk": row.pk,
        "symbol": row.network.asset.symbol,
        "blockchain": row.network.blockchain,
        "amount": spec.format(row.units),
        "fee": spec.format(row.fee_units),
        "arrives": spec.format(row.units - row.fee_units),
        "address": row.address,
        "memo": row.memo,
        "at": row.created_at,
        "word": row.get_state_display(),
        "tone": {_State.SETTLED: "up", _State.REFUSED: "bad", _State.RELEASED: ""}.get(_State(row.state), "warn"),
        "reason": row.reason.replace("_", " "),
        "hash": row.transaction_hash,
        "internal": row.to_account_id is not None,
        "confirmations": row.confirmations,
        "needed": row.network.confirmations,
        "not_before": row.not_before,
        "can_cancel": row.state in (_State.RESERVED, _State.APPROVED),
        "is_live": row.state not in (_State.SETTLED, _State.REFUSED, _State.RELEASED),
    }


def steps_of(row: Withdrawal) -> list[dict[str, Any]]:
    """The way of a withdrawal, with how far this one has come; nothing for one that ended on the way."""
    if row.state in _ENDED:
        return []
    state = _State.SETTLED if row.state == _State.SETTLED else row.state
    steps = [step for step in _STEPS if row.to_account_id is None or step[0] in _INSIDE]
    order = [step for step, _ in steps]
    current = _State.SENT if row.state == _State.SETTLING and row.to_account_id is None else state
    if current not in order:
        current = _State.APPROVED
    reached = order.index(_State(current))
    return [{"word": word, "done": number <= reached} for number, (_, word) in enumerate(steps)]


def waiting_for(row: Withdrawal) -> list[str]:
    if row.state != _State.RESERVED:
        return []
    return [_WAITS[what] for what in progress.missing(row)]


def deposit_row(row: Deposit) -> dict[str, Any]:
    spec = row.network.asset.spec()
    word, tone = row.get_state_display(), "warn"
    if row.held:
        word = row.get_held_display()
    elif row.state == Deposit.State.CREDITED:
        tone = "up"
    elif row.state == Deposit.State.PENDING:
        word = f"{row.confirmations} of {row.network.confirmations} confirmations" if row.on_chain else "Undone"
    return {
        "symbol": row.network.asset.symbol,
        "amount": spec.format(row.units),
        "source": "another account here" if row.internal else row.blockchain,
        "hash": "" if row.internal else row.transaction_hash,
        "at": row.created_at,
        "word": word,
        "tone": tone,
        "is_live": row.state in (Deposit.State.PENDING, Deposit.State.CREDITING, Deposit.State.REVERSING),
    }
