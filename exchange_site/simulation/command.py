"""The command line of `./exchange sim`: run seeds of the simulation and say what they found."""

import argparse
import sys

from exchange_site.simulation.ablations import ABLATIONS
from exchange_site.simulation.many import Total, simulate_many
from exchange_site.simulation.run import BATCHES, Result, simulate

SEEDS = 200
PROGRESS_EVERY = 50  # Runs between two lines where there is no terminal to rewrite one.


def main(arguments: list[str]) -> int:
    """0: every promise was kept (with --ablate: the missing one was noticed). 1: otherwise."""
    options = parser().parse_args(arguments)
    if options.trace:
        return show(simulate(options.first, options.ablate, options.steps, whole_trace=True), options)
    total = simulate_many(
        range(options.first, options.first + options.seeds),
        options.ablate,
        options.steps,
        options.jobs,
        progress=progress,
    )
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if options.ablate:
        return judge_ablation(total, options)
    if total.broken is None:
        print(f"sim: {total.line()}; every promise kept")
        print("faults: " + ", ".join(f"{kind} {count}" for kind, count in sorted(total.faults.items())))
        if total.beyond_repair:
            print(f"{total.beyond_repair} runs ended when the last snapshot that could heal them had rotted.")
        return 0
    return report(total.broken, options)


def parser() -> argparse.ArgumentParser:
    known = argparse.ArgumentParser(prog="./exchange sim", allow_abbrev=False)
    known.add_argument("--seeds", type=positive, default=SEEDS, help=f"how many runs (default {SEEDS})")
    known.add_argument("--first", type=int, default=1, metavar="SEED", help="the first seed (default 1)")
    known.add_argument("--steps", type=positive, default=BATCHES, help=f"requests of each client (default {BATCHES})")
    known.add_argument(
        "--ablate", choices=sorted(ABLATIONS), default="", help="leave a promise out, and see it noticed"
    )
    known.add_argument("--jobs", type=positive, default=None, help="runs at the same time (default: one per core)")
    known.add_argument("--trace", action="store_true", help="run the first seed only, and print all that happens")
    return known


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be 1 or more, not {number}")
    return number


def progress(total: Total) -> None:
    if sys.stderr.isatty():
        print(f"\rsim: {total.line()}", end="", file=sys.stderr, flush=True)
    elif total.runs % PROGRESS_EVERY == 0:
        print(f"sim: {total.line()}", file=sys.stderr, flush=True)


def judge_ablation(total: Total, options: argparse.Namespace) -> int:
    what = ABLATIONS[options.ablate].what
    if total.broken is None:
        print(f"sim: {what}, and {total.runs} runs did not notice: the simulation is blind")
        return 1
    print(f"sim: {what}: caught by seed {total.broken.seed}, after {total.runs} runs")
    print(total.broken.violations[0].splitlines()[0])
    return 0


def show(result: Result, options: argparse.Namespace) -> int:
    print("\n".join(result.trace))
    print(f"seed {result.seed}: {result.steps} steps, trace {result.trace_hash}, faults {result.faults}")
    print("\n".join(result.violations) or "every promise kept")
    return 1 if result.violations else 0


def report(result: Result, options: argparse.Namespace) -> int:
    print(f"sim: seed {result.seed} broke a promise after {result.steps} steps; the last ones were")
    print("\n".join(result.trace))
    print("\n".join(result.violations))
    steps = f" --steps {options.steps}" if options.steps != BATCHES else ""
    print(f"\nRepeat it with: ./exchange sim --first {result.seed} --seeds 1{steps} (and --trace to see all of it)")
    return 1
