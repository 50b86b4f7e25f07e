"""What the engine knows of the wallet, out of the wallet's own rows: its numbers, and what is reserved."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.models import LedgerPosting
from accounts.wallet.checks import reserved_at
from accounts.wallet.models import OutboxCommand
from exchange_site.ops.rebuild import RebuildRefused
from trading.writer.rows import REFERENCE_LENGTH

WALLET_LOG_LENGTH = 10_000  # As many commands as the engine remembers.
Reserved = tuple[int, str, int, int]  # Account, asset, units, and the fee among them.
_KIND, _STATE = OutboxCommand.Kind, OutboxCommand.State
_NAMES = {_KIND.CREDIT: "deposit"}  # How the engine calls a kind where it is another word.


@dataclass(frozen=True)
class WalletState:
    """`number` is the last command that was carried out, `log` what the newest were about, oldest first."""

    number: int
    log: list[tuple[int, str, str]]
    reserved: dict[int, Reserved]


def possible_states(n: int) -> Iterator[WalletState]:
    """What the engine can have known at outcome `n`.

    Mostly one. Two when a reservation was asked for (or given back) and not answered yet: only the balances tell
    whether it was carried out, so the one that makes them add up is right. Raises RebuildRefused.
    """
    numbered = OutboxCommand.objects.filter(number__isnull=False, state__in=(_STATE.DONE, _STATE.SENT))
    later = numbered.filter(state=_STATE.DONE, outcome_n__gt=n).order_by("number").first()
    if later is not None:
        raise RebuildRefused(
            f"The wallet had its command {later.number} ({later.key}) answered by outcome {later.outcome_n}, which the "
            f"database does not have: it ends at {n}. Without those outcomes the books cannot be true; find them (an "
            "event stream, a copy of the journal, another database), or settle them by hand first (docs/runbook.md)."
        )
    rows = list(numbered.select_related("withdrawal").order_by("-number")[:WALLET_LOG_LENGTH])[::-1]
    sent = next((row for row in rows if row.state == _STATE.SENT), None)
    done = [row for row in rows if row is not sent]
    reserved = reserved_at(n)
    if sent is None:
        yield _state(done, reserved)
        return
    posted = _is_posted(sent)
    if posted is not True:
        yield _state(done, reserved)
    if posted is not False:
        yield _state([*done, sent], _after(sent, reserved))


def _state(rows: list[OutboxCommand], reserved: dict[int, Reserved]) -> WalletState:
    log = [(int(row.number or 0), _NAMES.get(_KIND(row.kind), str(row.kind)), _about(row)) for row in rows]
    return WalletState(log[-1][0] if log else 0, log, reserved)


def _about(row: OutboxCommand) -> str:
    """The one member by which the engine tells two commands of a kind apart."""
    name = {_KIND.CREDIT: "deposit_id", _KIND.DEBIT: "reference", _KIND.DEFUND: "reference"}
    return str(row.command[name.get(_KIND(row.kind), "withdrawal_id")])


def _is_posted(row: OutboxCommand) -> bool | None:
    """Whether the ledger shows that the command was carried out; None for those that leave no posting."""
    if row.kind in (_KIND.RESERVE, _KIND.RELEASE):
        return None
    words = {_KIND.CREDIT: ("deposit", "deposit:"), _KIND.SETTLE: ("withdraw", "withdrawal:")}
    kind, prefix = words.get(_KIND(row.kind), (str(row.kind), ""))
    return LedgerPosting.objects.filter(kind=kind, reference=f"{prefix}{_about(row)}"[:REFERENCE_LENGTH]).exists()


def _after(row: OutboxCommand, reserved: dict[int, Reserved]) -> dict[int, Reserved]:
    command = row.command
    if row.kind == _KIND.RESERVE:
        one = (command["account_id"], command["asset"], command["units"], command["fee_units"])
        return {**reserved, command["withdrawal_id"]: one}
    ended = command["withdrawal_id"] if row.kind in (_KIND.SETTLE, _KIND.RELEASE) else None
    return {number: one for number, one in reserved.items() if number != ended}
