"""Is the audit blind? The records of a campaign are spoiled one at a time, and every time it must find something."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from exchange_site.chaos import audit
from exchange_site.chaos.ledger import Asked, Told
from exchange_site.chaos.reader import Seen
from matching.messages import FundHouse, OrderReply, PlaceOrder, RefusalReason, Refused

Keys = Mapping[str, str | None]


def blind_spots(
    asked: Mapping[str, Asked], seen: Mapping[int, Seen], keys: Keys, dump: Mapping[str, Any]
) -> tuple[list[str], int]:
    """What was spoiled without being noticed (nothing, when the audit sees what it claims to see), and how much was
    spoiled."""
    placed = next(
        one
        for one in asked.values()
        if isinstance(one.command, PlaceOrder) and one.answers and isinstance(one.answers[0].reply, OrderReply)
    )
    funded = next(one for one in asked.values() if isinstance(one.command, FundHouse) and one.answers)
    n = placed.answers[0].n
    last = max(seen)

    def both(asked: Mapping[str, Asked], seen: Mapping[int, Seen], keys: Keys) -> list[str]:
        return audit.check_answers(asked, seen, keys) + audit.check_executions(asked, seen, keys)

    ghost = replace(placed, key="ghost", answers=[Told(last, False, placed.answers[0].reply, 0.0)])
    beyond = replace(placed, key="ghost", answers=[Told(last + 1, False, placed.answers[0].reply, 0.0)])
    refused = Refused(reason=RefusalReason.INSUFFICIENT_FUNDS)
    untrue = replace(placed, answers=[Told(n, False, refused, 0.0)])
    another_n = replace(placed, answers=[*placed.answers, Told(last, False, placed.answers[0].reply, 0.0)])
    again = {last + 1: seen[n]}
    without = {number: outcome for number, outcome in seen.items() if number != n}
    unpaid = {key: one for key, one in asked.items() if key != funded.key}
    spoiled: dict[str, Callable[[], list[str]]] = {
        "an answer to a command that was never sent": lambda: both({**asked, "ghost": ghost}, seen, keys),
        "an answer with an outcome that does not exist": lambda: both({**asked, "ghost": beyond}, seen, keys),
        "an answered outcome that is gone": lambda: both(asked, without, keys),
        "an answer that says something else": lambda: both({**asked, placed.key: untrue}, seen, keys),
        "two answers to one key": lambda: both({**asked, placed.key: another_n}, seen, keys),
        "a command carried out twice": lambda: both(asked, {**seen, **again}, keys),
        "a command nobody asked for": lambda: both({k: v for k, v in asked.items() if k != placed.key}, seen, keys),
        "a command never answered": lambda: both({**asked, placed.key: replace(placed, answers=[])}, seen, keys),
        "money from nowhere": lambda: audit.check_money(unpaid, dump),
        "a chain that differs": lambda: audit.check_chains(one=(1, "aa"), other=(1, "ab")),
        "a changed command that was done": lambda: audit.check_changed([("key", placed.answers[0].reply)]),
    }
    return [what for what, run in spoiled.items() if not run()], len(spoiled)
