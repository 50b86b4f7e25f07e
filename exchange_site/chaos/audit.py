"""What the clients were told against what is there: lost, doubled, foreign, changed. Pure: it only compares records.

A finding is a sentence. The same rules are shown to be able to fail by `ablations`, at the end of every campaign.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from exchange_site.chaos.history import Journaled
from exchange_site.chaos.ledger import NOT_KEPT, Asked, not_kept
from exchange_site.chaos.reader import Seen
from matching.messages import (
    Command,
    CreditDeposit,
    DefundHouse,
    Done,
    FundHouse,
    OrderReply,
    PlaceOrder,
    RefusalReason,
    Refused,
    ReleaseWithdrawal,
    Reply,
    ReserveWithdrawal,
    SettleWithdrawal,
)

TICK = "tick/"


def check_answers(asked: Mapping[str, Asked], seen: Mapping[int, Seen], keys: Mapping[str, str | None]) -> list[str]:
    """G1 and G2 as clients see them: everything answered is there, under the number that was told, and means the
    same however often it was asked. `keys` gives the key of each command id in the journal."""
    findings: list[str] = []
    for one in asked.values():
        if not one.answers:
            findings.append(f"missing: {one.key} was sent {one.sends} times and never answered.")
        final = {(told.n, msgspec.msgpack.encode(told.reply)) for told in one.final()}
        if len(final) > 1:
            findings.append(f"doubled: {one.key} got different answers, of outcomes {sorted(n for n, _ in final)}.")
        for told in one.answers:
            outcome = seen.get(told.n)
            if outcome is None:
                findings.append(f"missing: {one.key} was answered with outcome {told.n}, which nobody can read.")
            elif keys.get(outcome.command_id) != one.key:
                owner = keys.get(outcome.command_id)
                findings.append(f"missing: {one.key} was answered with outcome {told.n}, which is that of {owner}.")
            else:
                findings += _check_content(one, told.n, told.reply, outcome)
    return findings


def _check_content(one: Asked, n: int, reply: Reply, outcome: Seen) -> list[str]:
    told = reply.reason if isinstance(reply, Refused) else None
    if told != outcome.refusal:
        return [f"untrue: {one.key} was told {told}, outcome {n} says {outcome.refusal}."]
    placed = isinstance(one.command, PlaceOrder) and isinstance(reply, OrderReply)
    if placed and isinstance(reply, OrderReply) and reply.order.order_id not in outcome.order_ids:
        return [f"missing: {one.key} was told of order {reply.order.order_id}, outcome {n} has {outcome.order_ids}."]
    return []


def check_executions(asked: Mapping[str, Asked], seen: Mapping[int, Seen], keys: Mapping[str, str | None]) -> list[str]:
    """G2 as the log sees it: no key was carried out twice, and nothing was carried out that nobody asked for."""
    findings: list[str] = []
    carried_out: dict[str, list[int]] = defaultdict(list)
    for n, outcome in seen.items():
        if outcome.command_id.startswith(TICK) or outcome.refusal in NOT_KEPT:
            continue
        key = keys.get(outcome.command_id)
        if key is not None:
            carried_out[key].append(n)
        elif outcome.refusal is None:
            findings.append(f"foreign: outcome {n} carried out {outcome.command_id}, which is nobody's.")
    for key, outcomes in carried_out.items():
        if len(outcomes) > 1:
            findings.append(f"doubled: {key} was carried out {len(outcomes)} times, by outcomes {outcomes}.")
        if key not in asked:
            findings.append(f"foreign: nobody asked for {key}, which outcome {outcomes[0]} carried out.")
    return findings


def check_changed(changed: Iterable[tuple[str, Reply]]) -> list[str]:
    """G3: another command under a used key is refused."""
    refused = Refused(reason=RefusalReason.IDEMPOTENCY_KEY_REUSED)
    return [f"changed: another command under the key {key} got {reply}." for key, reply in changed if reply != refused]


def check_journal(commands: Iterable[Journaled]) -> tuple[dict[str, str | None], list[str]]:
    """The key of every command id, and every id that was journaled more than once."""
    counts: Counter[str] = Counter()
    keys: dict[str, str | None] = {}
    for command_id, key in commands:
        counts[command_id] += 1
        keys[command_id] = key
    return keys, [f"doubled: {name} stands in the journal {n} times." for name, n in counts.items() if n > 1]


# -------------------------------------------------------------------------------------------------------------- money
def money_from_outside(asked: Mapping[str, Asked]) -> dict[str, int]:
    """Per asset, what entered minus what left the venue, by the clients' own record alone (units)."""
    units: Counter[str] = Counter()
    reserved: dict[int, ReserveWithdrawal] = {}
    for command in _done_in_order(asked):
        if isinstance(command, FundHouse | CreditDeposit):
            units[command.asset] += command.units
        elif isinstance(command, DefundHouse):
            units[command.asset] -= command.units
        elif isinstance(command, ReserveWithdrawal):
            reserved[command.withdrawal_id] = command
        elif isinstance(command, SettleWithdrawal) and command.to_account_id is None:
            paid = reserved[command.withdrawal_id]
            units[paid.asset] -= paid.units - paid.fee_units
    return dict(units)


def still_reserved(asked: Mapping[str, Asked]) -> list[ReserveWithdrawal]:
    """The withdrawals that neither ended paid nor released, by the clients' own record alone."""
    reserved: dict[int, ReserveWithdrawal] = {}
    for command in _done_in_order(asked):
        if isinstance(command, ReserveWithdrawal):
            reserved[command.withdrawal_id] = command
        elif isinstance(command, SettleWithdrawal | ReleaseWithdrawal):
            reserved.pop(command.withdrawal_id)
    return list(reserved.values())


def _done_in_order(asked: Mapping[str, Asked]) -> list[Command]:
    """What was carried out. A number of the wallet that was used before stands for what was done first."""
    done = [
        (told.n, one.command)
        for one in asked.values()
        for told in one.answers[:1]
        if isinstance(told.reply, Done) and not not_kept(told.reply)
    ]
    commands: list[Command] = []
    numbers: set[int] = set()
    for _, command in sorted(done, key=lambda pair: pair[0]):
        number = getattr(command, "wallet_number", None)
        if number is not None:
            if number in numbers:
                continue
            numbers.add(number)
        commands.append(command)
    return commands


def check_money(asked: Mapping[str, Asked], dump: Mapping[str, Any]) -> list[str]:
    """G7: what everybody holds is what came in, by the clients' record and by the engine's; nothing is negative."""
    findings: list[str] = []
    expected = money_from_outside(asked)
    for asset in dump["assets"]:
        symbol = asset["symbol"]
        rows = [row for row in dump["balances"] if row["asset"] == symbol]
        held = sum(row["available_units"] + row["locked_units"] for row in rows)
        if not held == asset["funded_units"] == expected.get(symbol, 0):
            findings.append(
                f"money: {symbol}: {held} units are held, the engine says {asset['funded_units']} came in, the clients "
                f"say {expected.get(symbol, 0)}."
            )
        for row in rows:
            if row["available_units"] < 0 or row["locked_units"] < 0:
                findings.append(f"money: account {row['account_id']} has a negative balance: {row}.")
    return findings


def check_chains(**ends: tuple[int, str]) -> list[str]:
    """G5, G6 and G10: every source ends at the same outcome with the same chain."""
    if len(set(ends.values())) <= 1:
        return []
    told = ", ".join(f"{name} ends at {n} ({chain[:16]})" for name, (n, chain) in ends.items())
    return [f"chain: {told}."]
