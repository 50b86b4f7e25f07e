"""Where the simulation enters the program: names of modules that are replaced while a run lasts, and put back after it.

The program itself knows nothing of this. Whatever it reaches of the outside (files, time, Redis, PostgreSQL, chance) it
reaches through one of these names; a test holds the list complete.
"""

import gc
import importlib
import inspect
import logging
import os
import pkgutil
import random
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import redis

import matching.client
import matching.runtime
import matching.transport
from exchange_site.kernel import redis_client
from exchange_site.simulation.fake_database import StoreMaker
from exchange_site.simulation.machine import Machine
from exchange_site.simulation.redis_server import SimulatedConnection
from exchange_site.simulation.trace import LogLines
from matching.client import blocking
from matching.runtime import disk, standby
from matching.runtime.log_clock import LogClock
from trading.writer import loop

PACKAGES = (matching.runtime, matching.transport, matching.client)
STANDBY_LOOKS_EVERY_S = 0.1  # Not every 20 ms: a run would consist of little else.
LOGGERS = ("matching", "trading")


def program_modules() -> list[ModuleType]:
    """Every module whose doors to the outside are replaced."""
    names = [
        f"{package.__name__}.{found.name}" for package in PACKAGES for found in pkgutil.iter_modules(package.__path__)
    ]
    return [*map(importlib.import_module, names), redis_client, loop]


class _Redirected:
    """A module of which some names are ours and the rest unchanged."""

    def __init__(self, real: ModuleType, **ours: Any) -> None:
        self._real = real
        self.__dict__.update(ours)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _ActorLocal:
    """`threading.local` for actors, which all share one thread."""

    def __init__(self, machine: Machine) -> None:
        object.__setattr__(self, "_machine", machine)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._machine.scheduler.alive_actor().local[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self._machine.scheduler.alive_actor().local[name] = value


class _QuietCollector:
    """`gc` for one of several programs in a process: what they would tell it is not for all of us."""

    def __getattr__(self, name: str) -> Any:
        return _nothing


def _redis_module(machine: Machine) -> _Redirected:
    connection = type(
        "Connection",
        (SimulatedConnection,),
        {"server": machine.redis, "step": staticmethod(machine.step), "scheduler": machine.scheduler},
    )

    def from_url(url: str, **options: Any) -> redis.Redis:
        return redis.Redis.from_url(url, connection_class=connection, **options)

    return _Redirected(redis, Redis=SimpleNamespace(from_url=from_url))


def _replacements(machine: Machine) -> dict[ModuleType, object]:
    """What each module of the standard library (and redis-py) is for the program while a run lasts."""
    chance = random.Random(machine.rng.random())

    def pid() -> int:
        return machine.scheduler.alive_actor().process.pid

    return {
        time: machine.time,
        random: chance,
        secrets: SimpleNamespace(token_hex=lambda size: chance.randbytes(size).hex()),
        socket: SimpleNamespace(gethostname=lambda: "simulated"),
        os: SimpleNamespace(getpid=pid),
        threading: _Redirected(threading, active_count=lambda: 1),
        gc: _QuietCollector(),
        redis: _redis_module(machine),
    }


def _nothing(*_: object) -> None:
    return


@contextmanager
def installed(machine: Machine, store: StoreMaker, log_lines: bool) -> Iterator[None]:
    """The program runs on the simulated machine inside of this block."""
    replacements = {id(real): ours for real, ours in _replacements(machine).items()}
    with ExitStack() as undo:
        for module in program_modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, ModuleType) and id(value) in replacements and module is not disk:
                    undo.enter_context(patch.object(module, name, replacements[id(value)]))
        for name in disk_functions():
            undo.enter_context(patch.object(disk, name, getattr(machine.disk_calls, name)))
        # Defaults of parameters were bound when the module was loaded.
        clocks = (machine.time.time_ns, machine.time.monotonic_ns)
        undo.enter_context(patch.object(LogClock.__init__, "__defaults__", clocks))
        undo.enter_context(patch.object(standby, "LOOK_EVERY_S", STANDBY_LOOKS_EVERY_S))
        undo.enter_context(patch.object(loop, "WriterStore", store))
        undo.enter_context(patch.object(blocking, "_local", _ActorLocal(machine)))
        undo.enter_context(_logging(machine, log_lines))
        yield


def disk_functions() -> list[str]:
    """The public functions of the disk seam."""
    return [
        name
        for name, value in vars(disk).items()
        if not name.startswith("_") and (inspect.isfunction(value) or inspect.isbuiltin(value))
    ]


@contextmanager
def _logging(machine: Machine, lines: bool) -> Iterator[None]:
    """Log lines go into the trace or nowhere; a failing machine says a lot."""
    handler = LogLines(machine.trace, machine.name_of_current)
    before = []
    for name in LOGGERS:
        logger = logging.getLogger(name)
        before.append((logger, logger.level, logger.propagate))
        logger.propagate = False
        logger.setLevel(logging.DEBUG if lines else logging.CRITICAL + 1)
        if lines:
            logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
