"""`./exchange chaos` as its user runs it: a short campaign that must hold, and sabotaged ones that must not."""

import os
import re
import secrets
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from exchange_site.launcher.home import ROOT
from exchange_site.tests.e2e.running import clean_environment, wait_until

pytestmark = pytest.mark.e2e

KILLS = os.environ.get(
    "CHAOS_KILLS", "6"
)  # Which ones is decided by the seed; over some runs every fault has its turn.
TIMEOUT_S = 600
# Other work on the machine makes programs start late; what is lost or doubled has no such excuse.
BUDGET_FACTOR = os.environ.get("CHAOS_BUDGET_FACTOR", "6")


def chaos(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A campaign with a seed of its own and its folder below `home`. A test that fails shows what it said."""
    seed = os.environ.get("CHAOS_SEED", str(secrets.randbelow(10**6)))
    return subprocess.run(
        [ROOT / "exchange", "chaos", "--seed", seed, "--budget-factor", BUDGET_FACTOR, *words],
        env=clean_environment(TMPDIR=str(home)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture
def home():
    """Not pytest's own folder: where PostgreSQL runs as nobody it must be able to pass."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # noqa: S103
        yield Path(folder)


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that were started with a home below this folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue  # It has ended meanwhile.
        if f"EXCHANGE_HOME={home}/".encode() in environment and command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def test_g01_a_short_campaign_holds(home: Path):
    done = chaos("--without-database", "--kills", KILLS, home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing lost, nothing doubled, nothing unexplained." in done.stdout
    assert "ways to spoil these records were noticed" in done.stdout
    assert not list(home.iterdir()), "a campaign that held leaves nothing behind"
    assert not processes_of(home)


def test_g06_the_database_is_equal_after_every_death_of_its_writer_and_server(home: Path):
    done = chaos("--faults", "F10,F11", home=home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reconcile: engine and database are equal" in done.stdout


@pytest.mark.parametrize(("sabotage", "found"), [("unsynced", "missing: "), ("forgetful", "doubled: ")])
def test_an_exchange_that_breaks_its_promise_is_found_out(home: Path, sabotage: str, found: str):
    done = chaos("--without-database", "--kills", "1", "--faults", "F4", "--sabotage", sabotage, home=home)
    assert done.returncode == 1, done.stdout + done.stderr
    assert found in done.stdout
    again = re.search(r"The same again: (\./exchange chaos --seed \d+ .*)", done.stdout)
    assert again is not None
    assert f"--sabotage {sabotage}" in again.group(1)
    [folder] = home.iterdir()
    kept = {path.name for path in (folder / "home").iterdir()}
    assert {"ledger.jsonl", "findings.txt", "journal", "logs", "redis"} <= kept
    assert not processes_of(home)


def test_ctrl_c_ends_every_process_and_removes_the_folder(home: Path):
    with subprocess.Popen(
        [ROOT / "exchange", "chaos", "--without-database", "--minutes", "5"],
        env=clean_environment(TMPDIR=str(home)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # As in a terminal; whoever runs the tests in the background may have had it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        try:
            wait_until(lambda: sum("run_engine" in line for line in processes_of(home)) == 2, 120, "both engines run")
            os.killpg(running.pid, signal.SIGINT)
            assert running.wait(120) == 130
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
    assert not processes_of(home)
    assert not list(home.iterdir())
