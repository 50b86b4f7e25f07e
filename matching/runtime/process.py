"""The life of one engine process: stand by, take over, lead, and end with a code that says why.

Exit codes: 0 stopped, 70 a command broke the engine, 74 the disk failed, 75 another engine leads, 78 journal, snapshots
and Redis do not fit together (or Redis is not set up to keep a log).
"""

import logging
import time
from collections.abc import Callable

from matching.runtime import disk, garbage, metrics
from matching.runtime.applier import Poisoned
from matching.runtime.boot_checks import NotFitToRun, check_redis
from matching.runtime.config import EngineConfig
from matching.runtime.follower import Follower
from matching.runtime.housekeeping import StartOver, SteppedDown
from matching.runtime.journal import JournalDamaged, JournalFailed
from matching.runtime.leadership import DirectoryLock, Fenced, Forgotten
from matching.runtime.publisher import EventsTooLong, PublishRefused
from matching.runtime.recovery import Makers, RecoveryRefused
from matching.runtime.standby import Standby
from matching.runtime.takeover import StoppedEarly, take_over
from matching.runtime.worker import Worker
from matching.transport.connection import ConnectionLost, LogConnection

logger = logging.getLogger(__name__)

EXIT_STOPPED = 0
EXIT_POISON = 70
EXIT_JOURNAL = 74
EXIT_FENCED = 75
EXIT_REFUSED = 78

RETRY_WAITS_S = (0.1, 0.2, 0.5, 1.0)


class EngineProcess:
    """Runs until `stopping()` or a reason to end. `run` returns the exit code."""

    def __init__(
        self,
        config: EngineConfig,
        stopping: Callable[[], bool],
        makers: Makers | None = None,
        allow_volatile_redis: bool = False,
        standby: bool = False,
    ) -> None:
        """With `standby` it does not lead before it has seen another engine lead."""
        self._config = config
        self._stopping = stopping
        self._makers = makers or Makers()
        self._allow_volatile_redis = allow_volatile_redis
        self._only_standby = standby
        self._follower = self._new_follower()
        self._republish_from: int | None = None

    def run(self) -> int:
        for directory in (self._config.journal_dir, self._config.snapshot_dir):
            disk.make_directory(directory)
        lock = DirectoryLock(self._config.journal_dir)
        try:
            return self._run(lock)
        except Fenced as error:
            logger.error("%s", error)
            return EXIT_FENCED
        except Poisoned as error:
            logger.critical("%s The next start refuses it.", error, exc_info=error.__cause__)
            return EXIT_POISON
        except JournalFailed as error:
            logger.critical("The journal failed, so nothing more is accepted: %s", error)
            return EXIT_JOURNAL
        except (JournalDamaged, RecoveryRefused, EventsTooLong, PublishRefused, NotFitToRun) as error:
            logger.critical("The engine does not start or go on: %s", error)
            return EXIT_REFUSED

    def _new_follower(self) -> Follower:
        return Follower(self._config.journal_dir, self._config.snapshot_dir, self._makers)

    def _run(self, lock: DirectoryLock) -> int:
        attempt = 0
        stepped_down = has_led = False
        while not self._stopping():
            if has_led:
                garbage.state_dropped()
                has_led = False
            try:
                with_redis = LogConnection(self._config.redis_url)
                check_redis(with_redis, self._allow_volatile_redis)
                with_redis.close()
                standby = Standby(self._config, lock, self._follower, self._only_standby)
                if stepped_down:
                    standby.leave_to_others()
                    stepped_down = False
                log = standby.wait(self._stopping)
                if log is not None:
                    self._only_standby, has_led = False, True
                    self._lead(log, lock)
                attempt = 0
            except StartOver as error:
                logger.warning("%s Taking over again from the disk.", error)
                self._republish_from = error.first_n
            except SteppedDown as error:
                logger.warning("%s", error)
                stepped_down = True
            except StoppedEarly as error:
                logger.info("%s", error)
            except FileExistsError:
                logger.info("Another candidate was faster.")
            except (ConnectionLost, Forgotten) as error:
                logger.error("%s", error)
                time.sleep(RETRY_WAITS_S[min(attempt, len(RETRY_WAITS_S) - 1)])
                attempt += 1
        return EXIT_STOPPED

    def _lead(self, log: LogConnection, lock: DirectoryLock) -> None:
        began = time.monotonic()
        follower, self._follower = self._follower, self._new_follower()
        led = take_over(self._config, log, self._makers, self._stopping, follower, self._republish_from)
        self._republish_from = None
        if lock.held:
            lock.sign(led.leadership.owner)
        logger.info(
            "Engine ready: term %d at outcome %d after %d ms.",
            led.leadership.term,
            led.applier.n,
            int((time.monotonic() - began) * 1000),
        )
        worker = Worker(self._config, led, log, self._stopping, lock=lock)
        metrics.leading(led.leadership.term, led.applier.n)
        try:
            worker.run()
            worker.stop()
            logger.info("Engine stopped at outcome %d.", led.applier.n)
        finally:
            worker.leave()
            metrics.leading(0, led.applier.n)
            log.close()
