"""Outcomes for benchmarks of those who read them: what a real engine core decides about a flow of orders."""

from typing import Any

import msgspec

from matching.core.engine import Engine
from matching.management import bench
from matching.messages import Command, CreditAccount, Outcome

START_MS = 1_767_225_600_000  # 2026-01-01.
UNITS_EACH = 10**14
ORDERS_PER_MS = 10


def outcomes_of_trading(count: int, accounts: int) -> tuple[list[Outcome], int]:
    """What is decided about `count` orders of `accounts` traders, and how many outcomes before them list and fund."""
    engine = Engine()
    outcomes: list[Outcome] = []

    def tell(command: Command, at_ms: int) -> None:
        applied = engine.apply(command, f"1-{len(outcomes)}/0", at_ms)
        if applied.outcome is not None:
            outcomes.append(applied.outcome)

    for command in bench.listing():
        if not isinstance(command, CreditAccount):
            tell(command, START_MS)
    names: dict[str, Any] = {"reference": "bench", "actor": "benchmark", "reason": "benchmark"}
    for account_id in range(bench.FIRST_ACCOUNT, bench.FIRST_ACCOUNT + accounts):
        for asset in ("BTC", "USDC"):
            tell(CreditAccount(account_id=account_id, asset=asset, units=UNITS_EACH, **names), START_MS)
    listed = len(outcomes)
    for index, order in enumerate(bench.trading(count, with_keys=False)):
        account_id = bench.FIRST_ACCOUNT + index * 2_654_435_761 % 2**32 % accounts
        tell(msgspec.structs.replace(order, account_id=account_id), START_MS + index // ORDERS_PER_MS)
    return outcomes, listed
