"""What makes two requests the same, compared with its slow and obvious definition."""

import collections
from hashlib import blake2b

import msgspec
import pytest

from matching import codec
from matching.core.digest import digest, pack
from matching.messages import Batch, CancelOrder, PlaceOco, PlaceOrder
from matching.tests.crowd import Crowd

ANEW = ("idempotency_key", "valid_until_ms")


def obvious(command) -> list[object]:
    """The name and every field but those a retry sets anew; nested ones as a hash, unset ones at the end left out."""
    values = []
    for name in command.__struct_fields__:
        value = getattr(command, name)
        if isinstance(value, msgspec.Struct | list):
            value = blake2b(codec.encode(value), digest_size=16).digest()
        if name not in ANEW:
            values.append(value)
    while values[-1] is None:
        values.pop()
    return [type(command).__name__, *values]


@pytest.mark.parametrize("seed", range(5))
def test_g02_the_digest_is_what_it_was_when_snapshots_were_first_written(seed: int):
    crowd, met = Crowd(seed), collections.Counter()
    for command in [*crowd.listing(), *(crowd.command() for _ in range(1_500))]:
        met[type(command)] += 1
        assert msgspec.msgpack.decode(digest(command)) == obvious(command), f"seed {seed}: {command}"
        assert digest(codec.decode_command(codec.encode(command))) == digest(command)
    assert {Batch, PlaceOco, CancelOrder} <= set(met), f"seed {seed} knows only {met}"
    assert len(met) > 15


def test_g02_a_retry_with_another_key_or_time_limit_asks_for_the_same_and_nothing_else_does():
    order = PlaceOrder(account_id=7, market="BTC_USDC", side="Bid", order_type="Limit", price_ticks=5, quantity_lots=3)
    again = msgspec.structs.replace(order, idempotency_key="k", valid_until_ms=9)
    assert digest(again) == digest(order)
    others = {"account_id": 8, "price_ticks": 6, "quantity_lots": 4, "client_id": 1, "post_only": True}
    for name, value in others.items():
        assert digest(msgspec.structs.replace(order, **{name: value})) != digest(order), name


def test_g02_a_digest_of_an_old_snapshot_with_unset_fields_at_its_end_is_still_the_same():
    cancel = CancelOrder(account_id=7, market="BTC_USDC", order_id=3)
    assert pack(["CancelOrder", 7, "BTC_USDC", 3, None, None]) == digest(cancel)
