"""The launcher as a parent: children that die, hang, leave others behind, or outlive their supervisor."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys

import pytest

from exchange_site.launcher import startup
from exchange_site.launcher.child import Child, in_words
from exchange_site.launcher.home import ROOT, Home
from exchange_site.launcher.logs import Console, RotatingLog
from exchange_site.launcher.processes import NAMES, STOP_ORDER, Process, application_processes

LIVES = "import signal, time\nprint('I am ready', flush=True)\nsignal.pause()"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home", environ={"PATH": os.environ["PATH"]})
    home.prepare()
    return home


@pytest.fixture
def console():
    console = Console(io.StringIO())
    yield console
    console.close()


def child_of(home, console, code, **more):
    process = Process("engine", [sys.executable, "-c", code], ready_line=re.compile(b"ready"), **more)
    log = RotatingLog(home.logs / "engine.log")
    environment = {**os.environ, "EXCHANGE_HOME": str(home.path)}
    return Child(process, environment, log, console, home.run / "engine.pid")


async def until(condition, timeout_s=10.0):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_process_that_dies_is_started_again(home, console):
    child = child_of(home, console, LIVES)
    child.start()
    await until(lambda: child.state == "ready")
    first = child.pid
    assert (home.run / "engine.pid").read_text() == f"{first}\n"
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.state == "ready" and child.pid != first)
    assert child.as_dict() | {"uptime_s": 0} == {
        "state": "ready",
        "pid": child.pid,
        "restarts": 1,
        "uptime_s": 0,
        "last_exit": "was killed by SIGKILL",
    }
    await child.stop()
    assert child.state == "stopped"
    assert not (home.run / "engine.pid").exists()
    assert "engine was killed by SIGKILL; starting it again" in (home.logs / "engine.log").read_text()


async def test_a_process_that_cannot_start_is_tried_again_with_growing_waits(home, console):
    child = child_of(home, console, "raise SystemExit(7)")
    child.start()
    await until(lambda: child.deaths_in_a_row >= 2)
    await child.stop()
    assert child.last_exit == "ended with exit code 7"
    said = re.findall(r"starting it again in ([\d.]+) s", (home.logs / "engine.log").read_text())
    assert said[:2] == ["0.1", "0.5"]


async def test_a_program_that_does_not_exist_is_no_end_of_the_supervisor(home, console):
    child = child_of(home, console, "")
    child.process = Process("engine", [str(home.path / "nothing")])
    child.start()
    await until(lambda: child.deaths_in_a_row >= 1)
    assert "could not be started" in child.last_exit
    await child.stop()


async def test_a_process_that_ignores_sigterm_is_killed(home, console):
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + LIVES
    child = child_of(home, console, deaf, stop_timeout_s=0.2)
    child.start()
    await until(lambda: child.state == "ready")
    await child.stop()
    assert child.last_exit == "was killed by SIGKILL"


async def test_what_a_process_leaves_behind_goes_with_it(home, console):
    code = f"import subprocess, sys\nprint(subprocess.Popen([sys.executable, '-c', {LIVES!r}]).pid)\n" + LIVES
    child = child_of(home, console, code)
    child.start()
    await until(lambda: child.state == "ready")
    grandchild = int((home.logs / "engine.log").read_text().split("Z ")[1].split()[0])
    assert startup.is_alive(grandchild)
    await child.stop()
    await until(lambda: not startup.is_alive(grandchild))


async def test_output_without_line_ends_and_of_any_bytes_is_kept_bounded(home, console):
    code = "import sys\nsys.stdout.buffer.write(b'\\xff' * 1_000_000 + b'\\nready')\nsys.stdout.flush()\n" + LIVES
    child = child_of(home, console, code)
    child.start()
    await until(lambda: child.state == "ready")
    await child.stop()
    assert (home.logs / "engine.log").stat().st_size < 1_100_000


def test_children_die_with_a_killed_supervisor(home):
    code = (
        "import asyncio, sys; from pathlib import Path\n"
        "from exchange_site.tests.test_launcher_processes import *\n"
        "async def main():\n"
        f"    child = child_of(Home(Path({str(home.path)!r})), Console(), LIVES)\n"
        "    child.start()\n"
        "    await until(lambda: child.state == 'ready')\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as supervisor:
        try:
            pid = next(int(line) for line in supervisor.stdout if line.strip().isdecimal())
            assert startup.is_alive(pid)
        finally:
            supervisor.kill()
    asyncio.run(until(lambda: not startup.is_alive(pid)))


def test_leftovers_are_ended_but_strangers_with_the_same_number_are_not(home):
    environment = {**os.environ, "EXCHANGE_HOME": str(home.path)}
    command = [sys.executable, "-c", LIVES]
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, start_new_session=True) as ours,
        subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as stranger,
    ):
        try:
            assert ours.stdout.readline()
            assert stranger.stdout.readline()
            (home.run / "web.pid").write_text(f"{ours.pid}\n")
            (home.run / "engine.pid").write_text(f"{stranger.pid}\n")
            assert startup.remove_leftovers(home) == ["web"]
            assert ours.wait(5) == -signal.SIGKILL
            assert stranger.poll() is None
            assert not list(home.run.glob("*.pid"))
        finally:
            ours.kill()
            stranger.kill()


def test_the_table_of_processes_is_whole():
    known = [process.name for process in application_processes(8000, None, "127.0.0.1", 1)]
    assert {*known, "redis", "postgres"} == set(NAMES)
    assert sorted(name for group in STOP_ORDER for name in group) == sorted(NAMES)


@pytest.mark.parametrize(("code", "words"), [(0, "ended with exit code 0"), (-9, "was killed by SIGKILL")])
def test_how_a_process_ended_is_said_in_words(code, words):
    assert in_words(code) == words
