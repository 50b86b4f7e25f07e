"""`./exchange bench recovery`: cold starts of the engine, and a million orders in the book."""

import asyncio
import sys

from bench_engine import manage
from bench_support import ROOT, machine

sys.path.insert(0, str(ROOT))

from exchange_site.launcher.testing import scratch_services


async def measure() -> None:
    async with scratch_services() as environment:
        for run in (("bench_recovery",), ("bench_recovery", "--as-set"), ("bench_snapshot", "--resting", "1000000")):
            print(await asyncio.to_thread(manage, environment, *run), flush=True)


def main() -> None:
    print(machine())
    asyncio.run(measure())


if __name__ == "__main__":
    main()
