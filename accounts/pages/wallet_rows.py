"""Deposits and withdrawals as words and figures for pages."""

from typing import Any

from django.utils.translation import gettext, gettext_noop, ngettext
from django.utils.translation import gettext_lazy as _

from accounts.wallet import progress
from accounts.wallet.models import Deposit, Withdrawal

_State = Withdrawal.State
_STEPS = (
    (_State.CREATED, _("Asked for")),
    (_State.RESERVED, _("Reserved")),
    (_State.APPROVED, _("Approved")),
    (_State.SIGNED, _("Signed")),
    (_State.SENT, _("Sent")),
    (_State.SETTLED, _("Paid")),
)
_INSIDE = (_State.CREATED, _State.RESERVED, _State.APPROVED, _State.SETTLED)
_ENDED = (_State.REFUSED, _State.RELEASING, _State.RELEASED)
_WAITS = {
    "mail": _("your confirmation: open the link in the mail we sent you"),
    "hold": _("the end of its hold"),
    "approval": _("approval by an operator"),
}


# What `get_state_display` and `get_held_display` say, listed where makemessages finds it.
_LABELS = (
    gettext_noop("Pending"), gettext_noop("Being credited"), gettext_noop("Credited"),
    gettext_noop("Being taken back"), gettext_noop("Taken back"), gettext_noop("Lost"), gettext_noop("Not held"),
    gettext_noop("Below the minimum"), gettext_noop("Nobody's memo"), gettext_noop("Deposits are closed"),
    gettext_noop("Refused by the engine"), gettext_noop("Being reserved"), gettext_noop("Refused"),
    gettext_noop("Waiting"), gettext_noop("Approved"), gettext_noop("Signed"), gettext_noop("Sent"),
    gettext_noop("Being settled"), gettext_noop("Paid"), gettext_noop("Being cancelled"), gettext_noop("Cancelled"),
)  # fmt: skip


def in_words(seconds: int) -> str:
    """`86400` is `"24 hours"`."""
    if not seconds:
        return gettext("no time")
    if seconds % 3600 == 0:
        return ngettext("%(count)d hour", "%(count)d hours", seconds // 3600) % {"count": seconds // 3600}
    if seconds % 60 == 0:
        return ngettext("%(count)d minute", "%(count)d minutes", seconds // 60) % {"count": seconds // 60}
    return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}


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
        "word": gettext(row.get_state_display()),
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
    order = [step for step, _word in steps]
    current = _State.SENT if row.state == _State.SETTLING and row.to_account_id is None else state
    if current not in order:
        current = _State.APPROVED
    reached = order.index(_State(current))
    return [{"word": word, "done": number <= reached} for number, (_state, word) in enumerate(steps)]


def waiting_for(row: Withdrawal) -> list[str]:
    if row.state != _State.RESERVED:
        return []
    return [_WAITS[what] for what in progress.missing(row)]


def deposit_row(row: Deposit) -> dict[str, Any]:
    spec = row.network.asset.spec()
    word, tone = gettext(row.get_state_display()), "warn"
    if row.held:
        word = gettext(row.get_held_display())
    elif row.state == Deposit.State.CREDITED:
        tone = "up"
    elif row.state == Deposit.State.PENDING:
        word = gettext("Undone")
        if row.on_chain:
            known = {"known": row.confirmations, "needed": row.network.confirmations}
            word = gettext("%(known)d of %(needed)d confirmations") % known
    return {
        "symbol": row.network.asset.symbol,
        "amount": spec.format(row.units),
        "source": gettext("another account here") if row.internal else row.blockchain,
        "hash": "" if row.internal else row.transaction_hash,
        "at": row.created_at,
        "word": word,
        "tone": tone,
        "is_live": row.state in (Deposit.State.PENDING, Deposit.State.CREDITING, Deposit.State.REVERSING),
    }
