"""Campaigns that must fail: the exchange is robbed of what keeps a promise, and the audit has to say so.

The audit is tried on spoiled records at the end of every campaign; this tries it on real processes.
"""

import os
import shutil
import sys
from collections.abc import Callable
from typing import NamedTuple

from exchange_site.chaos.faults_disk import frames_after_snapshot
from exchange_site.chaos.stage import FaultFailed, Stage

FORGETFUL = [sys.executable, "-m", "exchange_site.chaos.brittle_engine", "--forgetful"]
LOST_FRAMES = 40


def unsynced(stage: Stage) -> None:
    """What a power failure would leave of a journal that was never synced: its last frames are gone, although they
    were answered. Redis, on the same disk, loses its files as well, or the engine would notice by itself."""
    stage.pause(1.0, 1.5)
    stage.kill_engines()
    redis = stage.redis()
    redis.wanted = False
    redis.kill()
    shutil.rmtree(stage.place.append_only)
    frames = frames_after_snapshot(stage)
    first_lost = frames[-min(LOST_FRAMES, len(frames) - 1)]
    os.truncate(first_lost.path, first_lost.start)
    for later in {frame.path for frame in frames if frame.path.name > first_lost.path.name}:
        later.unlink()
        (stage.place.archive / later.name).unlink(missing_ok=True)
    redis.start()
    stage.place.wait(stage.place.redis_answers, "the start of Redis")
    stage.trading_again(stage.start_engines())
    stage.pause(2.0, 2.5)


def ask_twice(stage: Stage) -> None:
    """Long enough that the echo has sent much again. The engines know no keys since the first start."""
    stage.pause(3.0, 4.0)
    if not any(len(one.answers) > 1 for one in stage.clients.ledger.copy_asked().values()):
        raise FaultFailed("Nothing was asked twice, so nothing can have been done twice.")


class Sabotage(NamedTuple):
    """What is done when all runs, and the program that both engines are from the beginning (None: the real one)."""

    act: Callable[[Stage], None]
    engine: list[str] | None = None


SABOTAGES = {"unsynced": Sabotage(unsynced), "forgetful": Sabotage(ask_twice, FORGETFUL)}
