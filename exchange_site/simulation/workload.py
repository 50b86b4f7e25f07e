"""What the clients want: the random flow of the replay tests, with idempotency keys, time limits and now and then a
command that breaks the engine."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from matching.core.engine import Engine
from matching.messages import Command, ListMarket, PlaceOrder
from matching.tests.flows import listing, random_command

LOTS = {command.symbol: command.base_units_per_lot for command in listing() if isinstance(command, ListMarket)}
POISON = "poison"


class Forgetful(Engine):
    """The real engine without idempotency keys."""

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        return super().apply(msgspec.structs.replace(command, idempotency_key=None), command_id, at_ms)


class Brittle(Engine):
    """The real engine, which breaks half way through a poisonous command. Unless `idempotent` it forgets every key."""

    idempotent = True

    def apply(self, command: Command, command_id: str, at_ms: int) -> Any:
        poisonous = (command.idempotency_key or "").startswith(POISON)
        kept = command if self.idempotent else msgspec.structs.replace(command, idempotency_key=None)
        applied = super().apply(kept, command_id, at_ms)
        if poisonous:
            raise ZeroDivisionError("a bug that only this command meets")
        return applied


def opening() -> list[Command]:
    """Assets, markets and money, each with a key, so that it can be asked for until it is done."""
    return [
        msgspec.structs.replace(command, idempotency_key=f"opening-{index}") for index, command in enumerate(listing())
    ]


def batches(rng: Random, client: str, count: int, wall_ms: Any) -> Iterator[list[Command]]:
    """`count` requests of one to six commands."""
    index = 0
    for _ in range(count):
        batch = []
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            index += 1
            batch.append(_dressed(rng, random_command(rng, index), f"{client}-{index}", wall_ms()))
        yield batch


def _dressed(rng: Random, command: Command, name: str, wall_ms: int) -> Command:
    key = rng.random()
    if key < 0.004:
        command = msgspec.structs.replace(command, idempotency_key=f"{POISON}-{name}")
    elif key < 0.9:
        command = msgspec.structs.replace(command, idempotency_key=name)
    if isinstance(command, PlaceOrder) and rng.random() < 0.1:
        command = msgspec.structs.replace(command, valid_until_ms=wall_ms + rng.randrange(10_000))
    return command
