"""The verbs of `./exchange` and their options."""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from exchange_site.launcher import chaos, checks, control, drill, logs, startup, testing
from exchange_site.launcher import status as status_of
from exchange_site.launcher.home import DEFAULT_PORT, ROOT, Home, LauncherError
from exchange_site.launcher.processes import NAMES, manage
from exchange_site.launcher.supervisor import Supervisor, check_web_port, demo_logins

STOP_TIMEOUT_S = 90.0
DETACHED_START_TIMEOUT_S = 300.0

# What makes or replaces tables, databases and roles is the owner's; everything else runs as the processes do.
MAKES_TABLES = frozenset({"migrate", "partitions", "timescale"})
OWNERS_COMMANDS = MAKES_TABLES | {
    *("app_role", "backup", "bench_writer", "dbshell", "flush", "rebuild_from_db", "restore", "signer_role"),
    *("loaddata", "makemigrations", "test"),
}

HELP = (Path(__file__).parent / "help.txt").read_text(encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Returns the exit code: 0 done, 1 it went wrong, 2 a wrong command line, 3 (status) not running."""
    try:
        options = parser().parse_args(arguments)
        if options.verb in {None, "help"}:
            print(HELP, end="")
            return 0
        run: Callable[[Home, argparse.Namespace], int] = options.run
        return run(Home(options.home), options)
    except LauncherError as error:
        print(f"exchange: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="./exchange", add_help=False, allow_abbrev=False)
    top.add_argument("--home", type=home_path, default=home_path(os.environ.get("EXCHANGE_HOME") or ".home"))
    top.add_argument("--port", type=int, default=int(os.environ.get("EXCHANGE_PORT") or DEFAULT_PORT))
    top.add_argument("-h", "--help", dest="verb", action="store_const", const="help")
    verbs = top.add_subparsers(dest="verb", metavar="VERB")
    verbs.add_parser("help").set_defaults(run=None)
    up_verb = add(verbs, "up", up)
    up_verb.add_argument("--detach", action="store_true", help="start in the background, return when it is ready")
    up_verb.add_argument("--without", default=os.environ.get("EXCHANGE_WITHOUT", ""), metavar="NAME,NAME")
    up_verb.add_argument("--background", action="store_true", help=argparse.SUPPRESS)
    add(verbs, "down", down)
    add(verbs, "status", status).add_argument("--json", action="store_true")
    log_verb = add(verbs, "logs", show_logs)
    log_verb.add_argument("name", nargs="?", metavar="NAME")
    log_verb.add_argument("-f", "--follow", action="store_true")
    log_verb.add_argument("-n", "--lines", type=int, default=200)
    add(verbs, "reset", reset).add_argument("--yes", action="store_true", help="do not ask")
    for name in ("stop", "start", "restart"):
        add(verbs, name, one_process).add_argument("name", choices=NAMES, metavar="NAME")
    for name, run in (
        ("manage", run_manage),
        ("test", testing.test),
        ("bench", checks.bench),
        ("sim", checks.sim),
        ("chaos", chaos.chaos),
        ("drill", drill.drill),
    ):
        verb = verbs.add_parser(name, add_help=False, prefix_chars="\0", allow_abbrev=False)
        verb.add_argument("words", nargs="*")
        verb.set_defaults(run=run)
    add(verbs, "lint", checks.lint)
    return top


def add(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, run: object
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, allow_abbrev=False)
    verb.set_defaults(run=run)
    return verb


def home_path(text: str) -> Path:
    path = Path(text).expanduser()
    return ROOT / path if text == ".home" else path.absolute()


# ------------------------------------------------------------------------------------------------------- up and down
def up(home: Home, options: argparse.Namespace) -> int:
    without = frozenset(filter(None, options.without.split(",")))
    if unknown := without - set(NAMES):
        raise LauncherError(f"There is no process {', '.join(sorted(unknown))}. The processes are: {', '.join(NAMES)}.")
    home.prepare()
    if home.is_running():
        raise LauncherError(
            f"The exchange in {home.path} is already running (see {home.command('status')}). For a second one choose "
            "another folder and port: ./exchange --home DIR --port N up"
        )
    check_web_port(options.port)
    warning = home.check_disk()
    if options.detach:
        return up_detached(home, options)
    lock = home.try_lock()
    if lock is None:
        raise LauncherError(f"Another ./exchange up has just begun in {home.path}.")
    with lock:
        (home.run / "exchange.pid").write_text(f"{os.getpid()}\n", encoding="utf-8")
        # In the background nobody watches, and a file of everything on the terminal would grow without end.
        console = logs.Console(open(os.devnull, "w")) if options.background else logs.Console()  # noqa: SIM115
        if warning:
            console.line("exchange", f"warning: {warning}")
        try:
            return asyncio.run(Supervisor(home, options.port, without, console).run())
        finally:
            (home.run / "exchange.pid").unlink(missing_ok=True)


def up_detached(home: Home, options: argparse.Namespace) -> int:
    """Starts the same command in a session of its own, its output in a log, and waits until it is ready or gone."""
    command = [sys.executable, "-m", "exchange_site.launcher", "--home", str(home.path), "--port", str(options.port)]
    command += ["up", "--background", "--without", options.without]
    path = home.logs / "exchange.out"
    with open(path, "wb") as log:
        running = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + DETACHED_START_TIMEOUT_S
    while True:
        with contextlib.suppress(LauncherError):  # It has not opened its socket yet.
            answer = control.ask(home, {"do": "status"})
            if answer["phase"] == "running":
                break
        if running.poll() is not None:
            lines = [line.partition(" ")[2] for line in logs.last_lines(home.logs / "exchange.log", 30)]
            lines = lines[max((i for i, line in enumerate(lines) if line == "starting"), default=0) :]
            said = path.read_text(encoding="utf-8", errors="replace").strip() or "\n".join(lines)
            raise LauncherError(f"The exchange did not start:\n{said}")
        if time.monotonic() > deadline:
            raise LauncherError(f"The exchange is still not ready; see {home.command('logs')}")
        time.sleep(0.1)
    late = [name for name, child in answer["processes"].items() if child["state"] not in {"ready", "stopped"}]
    print(f"The exchange is running: {answer['url']}")
    if late:
        print(f"Not ready yet, see {home.command('logs NAME')}: {', '.join(late)}")
    for email, password in demo_logins(home).items():
        print(f"  {email:<24} {password}")
    print(f"Stop it with {home.command('down')}")
    return 0


def down(home: Home, options: argparse.Namespace) -> int:
    if not home.is_running():
        ended = clean_up(home)
        print(f"The exchange in {home.path} is not running{'; ended what it left behind' if ended else ''}.")
        return 0
    control.ask(home, {"do": "shutdown"})
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while home.is_running():
        if time.monotonic() > deadline:
            raise LauncherError(f"It has not stopped within {STOP_TIMEOUT_S:g} s; see {home.command('status')}")
        time.sleep(0.05)
    print("Stopped; the data is kept.")
    return 0


def clean_up(home: Home) -> list[str]:
    """Ends processes whose supervisor was killed. Holding the lock makes sure that there is no supervisor."""
    if not home.run.is_dir() or (lock := home.try_lock()) is None:
        return []
    with lock:
        return startup.remove_leftovers(home)


def reset(home: Home, options: argparse.Namespace) -> int:
    if home.is_running():
        raise LauncherError(f"The exchange is running; stop it first with {home.command('down')}")
    if not home.path.exists():
        print(f"There is nothing in {home.path}.")
        return 0
    if not (home.path / "run").is_dir():
        raise LauncherError(f"{home.path} does not look like the folder of an exchange; not deleting it.")
    if not options.yes:
        if not sys.stdin.isatty():
            raise LauncherError("Add --yes to delete all data without being asked.")
        if input(f"Delete all data in {home.path}? Type yes: ").strip() != "yes":
            print("Nothing deleted.")
            return 1
    clean_up(home)
    shutil.rmtree(home.path)
    print(f"Deleted {home.path}.")
    return 0


# -------------------------------------------------------------------------------------------------- looking and poking
def status(home: Home, options: argparse.Namespace) -> int:
    report = status_of.collect(home)
    print(json.dumps(report, indent=1) if options.json else status_of.table(report))
    if not report["running"]:
        return 3
    return 0 if report["ready"] else 1


def show_logs(home: Home, options: argparse.Namespace) -> int:
    known = sorted(file.stem for file in home.logs.glob("*.log")) if home.logs.is_dir() else []
    names = [options.name] if options.name else known
    if not set(names) <= {*known, *NAMES}:
        raise LauncherError(f"There is no log {options.name}. There are: {', '.join(known) or 'none yet'}.")
    if not names:
        raise LauncherError(f"There are no logs in {home.logs} yet.")
    for line in logs.show(home.logs, names, options.lines, options.follow):
        print(line, flush=options.follow)
    return 0


def one_process(home: Home, options: argparse.Namespace) -> int:
    answer = control.ask(home, {"do": options.verb, "name": options.name}, timeout_s=120)
    print(f"{answer['name']}: {answer['state']}" + (f" (pid {answer['pid']})" if answer["pid"] else ""))
    return 0 if answer["state"] in {"ready", "stopped"} else 1


def run_manage(home: Home, options: argparse.Namespace) -> int:
    home.prepare()
    if home.embedded() and not home.is_running():
        print("exchange: the exchange is not running, so its database and Redis are not there.", file=sys.stderr)
    name = options.words[0] if options.words else ""
    environment = home.environment()
    if name not in OWNERS_COMMANDS and home.has_roles():
        environment |= home.process_environment(name)
    code = subprocess.run(manage(*options.words), cwd=ROOT, env=environment, check=False).returncode
    if name in MAKES_TABLES and code == 0 and home.has_roles():
        return subprocess.run(manage("app_role"), cwd=ROOT, env=environment | home.role_urls(), check=False).returncode
    return code
