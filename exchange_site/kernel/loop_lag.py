"""How late the event loop of a process is, and what kept it: a look every 50 ms, a line in the log when it was long.

Whoever has a request in a process waits for everything else its loop does. A look compares when it was due with when it
came. Only when it is overdue a signal interrupts the loop's thread, whose frame then says what was running. The line
also says where the time went: into this thread's work, into other threads of the process (which share one interpreter),
into the collector of garbage, or into waiting for a processor that the machine gave to somebody else.

Outside the main thread (tests) there is no signal; on other systems than Linux nobody knows the time of waiting.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, NamedTuple

from exchange_site.kernel.metrics import FAST_SECONDS, Histogram

log = logging.getLogger(__name__)

EVERY_S = 0.05
LATE_S = 0.2  # From here on a line is written. What is shorter, a busy machine does often, and the histogram has it.
TOLD_EVERY_S = 5.0  # At most one line in this time; it says how many others there were.
FRAMES = 8
WAITING = frozenset({"wait", "_worker", "get", "select", "poll", "accept", "_wait_for_tstate_lock"})

lag_seconds = Histogram(
    "exchange_web_loop_lag_seconds", "How late the event loop came to what was due (a sample each 50 ms)",
    buckets=FAST_SECONDS,
)  # fmt: skip


class _Spent(NamedTuple):
    """Seconds so far: this thread on a processor, the process on one, this thread waiting for one, in the collector."""

    thread: float
    process: float
    waited: float
    garbage: float


class LoopWatch:
    """Watches the running event loop until `stop`. One in a process."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._by_signal = threading.current_thread() is threading.main_thread()
        self._schedstat = _open_schedstat()
        self._garbage_s = self._garbage_began = 0.0
        self._seen: dict[str, str] = {}
        self._told_at = float("-inf")
        self._untold = 0
        if self._by_signal:
            signal.signal(signal.SIGALRM, self._interrupt)
        gc.callbacks.append(self._collecting)
        self._spent = self._so_far()
        self._due = 0.0
        self._timer = self._loop.call_soon(self._arm)

    def stop(self) -> None:
        self._timer.cancel()
        gc.callbacks.remove(self._collecting)
        if self._by_signal:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if self._schedstat is not None:
            os.close(self._schedstat)
            self._schedstat = None

    def _arm(self) -> None:
        self._due = self._loop.time() + EVERY_S
        self._timer = self._loop.call_later(EVERY_S, self._look)
        if self._by_signal:
            signal.setitimer(signal.ITIMER_REAL, EVERY_S + LATE_S)

    def _look(self) -> None:
        late_s = max(0.0, self._loop.time() - self._due)
        lag_seconds.observe(late_s)
        before, self._spent = self._spent, self._so_far()
        if late_s >= LATE_S:
            self._tell(late_s, before)
        if self._seen:
            self._seen = {}
        self._arm()

    def _interrupt(self, _signum: int, frame: FrameType | None) -> None:
        """The look is overdue; this runs in the loop's thread, in the middle of what it does."""
        me = threading.get_ident()
        others = {ident: stack for ident, stack in sys._current_frames().items() if ident != me}
        self._seen = {"running": _stack(frame), "other_threads": _busy(others)}

    def _tell(self, late_s: float, before: _Spent) -> None:
        self._untold += 1
        if self._loop.time() - self._told_at < TOLD_EVERY_S:
            return
        thread_s, process_s, waited_s, garbage_s = (now - then for now, then in zip(self._spent, before, strict=True))
        fields = {
            "late_ms": round(late_s * 1000),
            "worked_ms": round(thread_s * 1000),
            "other_threads_worked_ms": round(max(0.0, process_s - thread_s) * 1000),
            "waited_for_processor_ms": round(waited_s * 1000),
            "garbage_ms": round(garbage_s * 1000),
            "times": self._untold,
            **self._seen,
        }
        log.warning("The event loop was late.", extra={"fields": fields})
        self._told_at, self._untold = self._loop.time(), 0

    def _collecting(self, phase: str, _info: Mapping[str, Any]) -> None:
        """Called by the collector; every thread that runs Python waits for it."""
        if phase == "start":
            self._garbage_began = time.perf_counter()
        else:
            self._garbage_s += time.perf_counter() - self._garbage_began

    def _so_far(self) -> _Spent:
        waited_ns = 0
        if self._schedstat is not None:
            with contextlib.suppress(OSError, ValueError, IndexError):  # A kernel may keep no such figures.
                waited_ns = int(os.pread(self._schedstat, 64, 0).split()[1])
        return _Spent(time.thread_time(), time.process_time(), waited_ns / 1e9, self._garbage_s)


def _open_schedstat() -> int | None:
    """Linux's figures of this thread: ns on a processor, ns waiting for one, how often."""
    try:
        return os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
    except OSError:
        return None


def _stack(frame: FrameType | None) -> str:
    """Where a thread is, the innermost first."""
    places: list[str] = []
    while frame is not None and len(places) < FRAMES:
        code = frame.f_code
        places.append(f"{code.co_qualname} ({os.path.basename(code.co_filename)}:{frame.f_lineno})")
        frame = frame.f_back
    return " < ".join(places)


def _busy(frames: Mapping[int, FrameType]) -> str:
    """Where other threads are that do not wait."""
    return "; ".join(_stack(frame) for frame in frames.values() if frame.f_code.co_name not in WAITING)
