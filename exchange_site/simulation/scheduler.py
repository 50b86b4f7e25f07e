"""Processes that take turns, and the time that passes while they do.

Every actor is a greenlet that runs real, synchronous code. It only gives way inside a fake I/O operation, so one number
(the seed) decides the order of everything. Nothing ever waits in reality: when all sleep, the clock moves on.
"""

import heapq
from collections.abc import Callable
from random import Random

import greenlet

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


class Killed(BaseException):
    """The process of this actor is dead. No `except Exception` of the code under test can survive it."""


class SimulationStuck(Exception):
    """Nobody will ever do anything again, or nobody stops. The message says when."""


class Process:
    """What dies and freezes as a whole. `stopping` is its SIGTERM."""

    def __init__(self, name: str, role: str, pid: int) -> None:
        self.name = name
        self.pid = pid
        self.role = role  # `engine`, `writer` or `client`.
        self.disk_failed = False
        self.alive = True
        self.stopping = False
        self.frozen_until_ns = 0


class Actor:
    """One thread of execution of a process."""

    def __init__(self, process: Process, run: Callable[[], None], order: int, hub: greenlet.greenlet) -> None:
        self.process = process
        self.order = order
        self.wake_at_ns = 0
        self.waits_for: object = None
        self.local: dict[str, object] = {}
        self.greenlet = greenlet.greenlet(self._main, parent=hub)
        self._run = run

    def _main(self) -> None:
        try:
            self._run()
        except Killed:
            return


class Scheduler:
    """`now_ns` is the monotonic time of the simulated machine."""

    def __init__(self, rng: Random) -> None:
        self.now_ns = 0
        self.current: Actor | None = None
        self._rng = rng
        self._hub = greenlet.getcurrent()
        self._heap: list[tuple[int, float, int, Actor | Callable[[], None]]] = []
        self._count = 0
        self._actors: list[Actor] = []
        self._doomed: list[Actor] = []

    # ---------------------------------------------------------------------------------------------- from the outside

    def spawn(self, process: Process, run: Callable[[], None]) -> Actor:
        self._count += 1
        actor = Actor(process, run, self._count, self._hub)
        self._actors.append(actor)
        self._push(self.now_ns, actor)
        return actor

    def after(self, wait_ns: int, run: Callable[[], None]) -> None:
        """Calls `run` later, outside of every process; it must not do simulated I/O."""
        self._push(self.now_ns + wait_ns, run)

    def kill(self, process: Process) -> None:
        """`kill -9`. When it hits the process that runs now, that one raises Killed at its next step."""
        process.alive = False
        for actor in self._actors:
            if actor.process is process:
                self._doomed.append(actor)

    def run(self, done: Callable[[], bool], until_ns: int) -> None:
        """Let everybody act until `done()`. Raises SimulationStuck at `until_ns`, and what an actor raises."""
        while not done():
            self._bury()
            if not self._heap:
                raise SimulationStuck(f"At {self.now_ns / NS_PER_S:.3f} s nobody has anything left to do.")
            at_ns, _, _, what = heapq.heappop(self._heap)
            if at_ns > until_ns:
                raise SimulationStuck(f"At {self.now_ns / NS_PER_S:.3f} s the exchange has not come to rest.")
            if not isinstance(what, Actor):
                self.now_ns = max(self.now_ns, at_ns)
                what()
            elif what.wake_at_ns == at_ns and not what.greenlet.dead:
                if what.process.frozen_until_ns > at_ns:
                    self._push(what.process.frozen_until_ns, what)
                    continue
                self.now_ns = max(self.now_ns, at_ns)
                self._enter(what)

    def end(self) -> None:
        """Ends every actor, so that nothing of this run lives on."""
        for actor in self._actors:
            actor.process.alive = False
            self._doomed.append(actor)
        self._bury()

    # ---------------------------------------------------------------------------------------------------- for actors

    def sleep(self, ns: int) -> None:
        """Give way for `ns`. Raises Killed in a dead process."""
        actor = self.alive_actor()
        at_ns = self.now_ns + ns
        if not self._doomed and actor.process.frozen_until_ns <= at_ns and (not self._heap or self._heap[0][0] > at_ns):
            self.now_ns = at_ns  # It would be its turn again anyway.
            return
        self._push(at_ns, actor)
        self._give_way(actor)

    def wait(self, ns: int, what: object) -> None:
        """Sleep at most `ns`, or until `wake(what)`."""
        actor = self.alive_actor()
        actor.waits_for = what
        try:
            self._push(self.now_ns + ns, actor)
            self._give_way(actor)
        finally:
            actor.waits_for = None

    def wake(self, what: object, delay_ns: int) -> None:
        """Wake who waits for `what`; None wakes everybody who waits for anything."""
        for actor in self._actors:
            if actor.waits_for is not None and what in (None, actor.waits_for):
                self._push(min(actor.wake_at_ns, self.now_ns + delay_ns), actor)

    def alive_actor(self) -> Actor:
        actor = self.current
        assert actor is not None, "only an actor can wait"
        if not actor.process.alive:
            raise Killed
        return actor

    # ------------------------------------------------------------------------------------------------------- inside

    def _push(self, at_ns: int, what: Actor | Callable[[], None]) -> None:
        self._count += 1
        if isinstance(what, Actor):
            what.wake_at_ns = at_ns
        heapq.heappush(self._heap, (at_ns, self._rng.random(), self._count, what))

    def _give_way(self, actor: Actor) -> None:
        self._hub.switch()
        if not actor.process.alive:
            raise Killed

    def _enter(self, actor: Actor) -> None:
        self.current = actor
        try:
            actor.greenlet.switch()
        finally:
            self.current = None
        if actor.greenlet.dead:
            self._actors.remove(actor)

    def _bury(self) -> None:
        """Unwinds dead processes: what their `finally` blocks try to do fails at once with Killed."""
        while self._doomed:
            actor = self._doomed.pop()
            if actor in self._actors:
                self._actors.remove(actor)
            if actor.greenlet.dead or not actor.greenlet:
                continue  # It has ended by itself, or never began.
            self.current = actor
            try:
                actor.greenlet.throw(Killed)
            except Exception as error:
                raise AssertionError("a dead process went on") from error
            finally:
                self.current = None
