"""The simulation itself: seeds that must all be well, and promises left out that must all be missed."""

import os
import subprocess
import sys

import pytest

from exchange_site.simulation.ablations import ABLATIONS
from exchange_site.simulation.many import simulate_many
from exchange_site.simulation.run import simulate

SEEDS, AT_ONCE = 200, 50
SEEDS_TO_NOTICE = 24


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
def test_every_promise_is_kept_whatever_goes_wrong(first):
    total = simulate_many(range(first, first + AT_ONCE))
    if total.broken is not None:
        seed = total.broken.seed
        pytest.fail(f"{total.broken.violations[0]}\nRepeat it with: ./exchange sim --first {seed} --seeds 1 --trace")
    assert total.outcomes > AT_ONCE * 20
    assert sum(total.faults.values()) > AT_ONCE * 3
    assert total.beyond_repair <= AT_ONCE // 10


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_a_promise_left_out_is_noticed(ablation):
    total = simulate_many(range(1, SEEDS_TO_NOTICE + 1), ablation)
    assert total.broken is not None, f"{ABLATIONS[ablation].what}, and {SEEDS_TO_NOTICE} seeds did not notice"


@pytest.mark.parametrize("ablation", ABLATIONS)
def test_the_same_faults_do_no_harm_when_nothing_is_left_out(ablation):
    total = simulate_many(range(1, SEEDS_TO_NOTICE // 2 + 1), favoured=ABLATIONS[ablation].favoured)
    assert total.broken is None, total.broken


def test_a_seed_decides_everything():
    """The same run in processes that order their sets differently, and after another run in the same process."""
    hashes = {in_another_process(hash_seed) for hash_seed in ("1", "2")}
    simulate(3, batches_each=2)
    hashes.add(simulate(7).trace_hash)
    assert len(hashes) == 1
    assert simulate(8).trace_hash not in hashes


def in_another_process(hash_seed):
    program = (
        "import django; django.setup()\n"
        "from exchange_site.simulation.run import simulate\n"
        "print(simulate(7).trace_hash)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
