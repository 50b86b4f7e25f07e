"""The fast engine and the slow model say the same: every answer, event, balance, depth and indication, at every step.

A crowd of traders, staff and the wallet (`matching.tests.crowd`) sends commands of every kind. A failure names the
seed and tells the last steps. `--nightly` plays many more seeds.
"""

from collections import Counter
from functools import cache

import pytest
from msgspec import to_builtins

from matching import codec
from matching.messages import (
    AccountBlockChanged,
    AccountTierChanged,
    Command,
    EndReason,
    Event,
    MarketState,
    OrderChange,
    RefusalReason,
    TradeMade,
)
from matching.tests.crowd import Crowd, HugeCrowd
from matching.tests.flows import extreme_commands, random_commands
from matching.tests.side_by_side import SideBySide

SEEDS = range(60)
NIGHTLY_SEEDS = range(60, 2_000)
COMMANDS = 260

# What a random flow of the core cannot bring about, and why.
OUTSIDE = {
    RefusalReason.MALFORMED: "the shell refuses what it cannot decode",
    RefusalReason.INTERNAL: "the shell refuses what broke the engine",
    RefusalReason.OVERLOADED: "three million idempotency keys",
    RefusalReason.RULES_NOT_ACTIVE: "one version of the rules only",
    EndReason.INVALID_PRICE: "a price is checked when the order is placed",
    EndReason.POST_ONLY_MODE: "nothing fires in a post-only market",
    EndReason.UNKNOWN: "a word for readers of future logs",
}
RARE = [*EndReason, *RefusalReason, *OrderChange, *MarketState, AccountTierChanged, AccountBlockChanged]


def crowd_before_both(seed: int) -> tuple[Crowd, SideBySide]:
    """A listed venue with funded accounts, and the crowd that listens to its events."""
    crowd, both = Crowd(seed), SideBySide(f"Crowd({seed})")
    both.listener = crowd.notice
    for command in crowd.listing():
        both.send(command, crowd.at_ms)
    return crowd, both


@cache
def play(seed: int) -> SideBySide:
    """One story of the crowd, told to both."""
    crowd, both = crowd_before_both(seed)
    for index in range(COMMANDS):
        at_ms, command = crowd.wait(), crowd.command()
        both.send(command, at_ms)
        if index % 5 == 0:
            both.check_everything()
        if index % 50 == 0:
            both.reload()
    both.check_everything()
    return both


@pytest.mark.parametrize("seed", SEEDS)
def test_g07_engine_and_model_agree_on_everything(seed):
    play(seed)


def test_g07_everything_rare_really_happened():
    """A rule that no flow ever reaches is not proved by it."""
    seen: Counter[object] = Counter()
    for seed in SEEDS:
        seen.update(play(seed).seen)
    events = [
        kind for kind in Event.__args__ if kind.__name__ not in ("BalanceChanged", "BookChanged", "RulesActivated")
    ]
    missing = [word for word in [*RARE, *events] if word not in OUTSIDE and not seen[word]]
    assert not missing, f"never seen: {missing}; seen: {seen}"
    assert not [word for word in OUTSIDE if seen[word]], "an excuse that is none"


def test_nightly_g07_many_more_seeds(nightly):
    if not nightly:
        pytest.skip("only with --nightly")
    for seed in NIGHTLY_SEEDS:
        play.__wrapped__(seed)


# ------------------------------------------------------------------------------------------- plain flows, large numbers


@pytest.mark.parametrize("seed", range(12))
def test_g07_the_plain_flow_of_other_tests(seed):
    both = SideBySide(f"random_commands({seed})")
    for index, command in enumerate(random_commands(seed, 500)):
        both.send(command, index)
        if index % 20 == 0:
            both.check_everything()


def send_checking_size(both: SideBySide, command: Command, at_ms: int) -> None:
    """What the engine says fits 63 bits wherever it goes: msgpack, PostgreSQL's bigint, a snapshot."""
    both.outcomes.clear()
    applied = both.send(command, at_ms)
    codec.encode(applied.reply)
    for outcome in both.outcomes:
        for event in outcome.events:
            numbers = [abs(number) for number in to_builtins(event) if isinstance(number, int)]
            assert all(number < 2**63 for number in numbers), f"{both.story()}\n{event}"


@pytest.mark.parametrize("seed", range(20))
def test_g07_the_largest_numbers_are_exact(seed):
    both = SideBySide(f"extreme_commands({seed})")
    for index, command in enumerate(extreme_commands(seed, 300)):
        send_checking_size(both, command, index)
    both.check_everything()
    both.reload()
    assert both.seen[TradeMade]


@pytest.mark.parametrize("seed", range(12))
def test_g07_the_largest_numbers_are_exact_in_orders_of_every_kind(seed):
    crowd, both = HugeCrowd(seed), SideBySide(f"HugeCrowd({seed})")
    both.listener = crowd.notice
    for command in crowd.listing():
        both.send(command, crowd.at_ms)
    for index in range(COMMANDS):
        at_ms, command = crowd.wait(), crowd.command()
        send_checking_size(both, command, at_ms)
        if index % 20 == 0:
            both.check_everything()
    both.reload()


# ------------------------------------------------------------------------------------------------------------ snapshots


@pytest.mark.parametrize("seed", range(6))
def test_g09_a_loaded_engine_goes_on_exactly_like_the_one_that_was_dumped(seed):
    """Outcomes too, byte by byte: texts, order of events and all."""
    crowd, both = crowd_before_both(seed)
    twin = both.copy_of_engine()
    for index in range(200):
        at_ms, command = crowd.wait(), crowd.command()
        both.outcomes.clear()
        both.send(command, at_ms)
        for outcome in both.outcomes:
            ticks = outcome.command_id == "" or outcome.command_id.startswith("tick")
            same = twin.tick(at_ms) if ticks else twin.apply(command, outcome.command_id, at_ms)
            assert codec.encode(same.outcome) == codec.encode(outcome), f"seed {seed}, command {index}: {command}"
        if index % 20 == 0:
            twin = both.copy_of_engine()
    assert twin.dump() == both.engine.dump()
