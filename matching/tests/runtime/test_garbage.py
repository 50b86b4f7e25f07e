"""The engine's process never looks for cyclic garbage while it works, so its work must not make any."""

import gc

import pytest

from matching import codec
from matching.core.engine import Engine
from matching.runtime.applier import Applier, decode_entry
from matching.runtime.records import GENESIS_CHAIN, Entry
from matching.tests.flows import random_commands


@pytest.mark.parametrize("seed", range(5))
def test_deciding_leaves_no_cycles_behind(seed: int):
    applier = Applier(Engine(), GENESIS_CHAIN)
    entries = [
        codec.encode_entry("web", index, [codec.encode(command)])
        for index, command in enumerate(random_commands(seed, 600))
    ]
    entries.append(codec.encode_entry("web", len(entries), [b"\xc1 no command"]))
    gc.collect()
    gc.disable()
    try:
        for index, entry in enumerate(entries):
            applier.apply_entry(Entry(f"{index + 1}-0", 1_000 + index, entry), decode_entry(entry))
            applier.take()
        assert applier.n > 500, f"seed {seed}"
        left = gc.collect()
    finally:
        gc.enable()
    assert left == 0, f"seed {seed}: {left} objects that only the collector could free"


def test_the_collector_would_have_found_some():
    gc.collect()
    gc.disable()
    try:
        cycle: list[object] = []
        cycle.append(cycle)
        del cycle
        assert gc.collect() > 0
    finally:
        gc.enable()
