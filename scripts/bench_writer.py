"""`./exchange bench writer`: outcomes to committed rows, by the db writer alone on a PostgreSQL of its own.

That server runs without fsync, so the disk is left out: with one transaction for 4,000 outcomes it hardly matters.
"""

import asyncio
import subprocess
import sys

from bench_support import ROOT, machine

sys.path.insert(0, str(ROOT))

from exchange_site.launcher.testing import scratch_services


async def measure(words: list[str]) -> None:
    async with scratch_services() as environment:
        command = [sys.executable, "manage.py", "bench_writer", *words]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environment, check=True)


def main() -> None:
    print(machine())
    asyncio.run(measure(sys.argv[1:]))


if __name__ == "__main__":
    main()
