"""What containers begin with, begun here as they would: the manifests' settings, secrets from files, real roles."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection
from ruamel.yaml import YAML

from accounts.database_rights import ROLES
from accounts.management.commands.signer_role import SIGNER_ROLE
from accounts.tests.test_app_role import addresses  # noqa: F401 - a fixture.
from exchange_site.launcher.embedded import valkey_binary
from exchange_site.launcher.home import free_port
from exchange_site.tests.test_compose import COMPOSE_FILE, ROOT
from exchange_site.tests.test_kubernetes import FOLDER, pods, read, settings_in

DEADLINE_S = 20
NEWEST = max(path.stem for path in (ROOT / "trading/migrations").glob("0*.py"))


@pytest.fixture
def secrets(tmp_path) -> Path:
    """Where a pod sees its secrets: one folder for all processes, one for its role."""
    made = tmp_path / "made"
    subprocess.run([sys.executable, ROOT / "deploy/make_secrets.py", made], capture_output=True, check=True)
    (tmp_path / "exchange").symlink_to(made / "exchange-secrets")
    (tmp_path / "role").symlink_to(made / "exchange-app-secrets")
    return tmp_path


def run(secrets: Path, *words: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """`python manage.py WORDS` with the environment of a pod of the example, and nothing else."""
    given = settings_in(FOLDER / "base/settings.env") | settings_in(FOLDER / "overlays/example/settings.env")
    given = {name: value.replace("/run/secrets", str(secrets)) for name, value in given.items()}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "manage.py", *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **given, **changes},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_settings_of_the_manifests_start_and_have_nothing_to_mend(secrets):
    done = run(secrets, "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda file: file.unlink(), "No such file or directory"),
        (lambda file: (file.unlink(), file.touch()), "is empty"),
        (lambda file: (file.unlink(), file.write_text("a\nb\n")), "one line"),
    ],
)
def test_s27_a_process_without_its_secret_does_not_start_and_says_which(secrets, break_it, said):
    break_it(secrets / "exchange" / "SECRET_KEY")
    done = run(secrets, "check")
    assert done.returncode == 1
    line = done.stderr.splitlines()[-1]
    assert line.startswith("django.core.exceptions.ImproperlyConfigured: ")
    assert "SECRET_KEY_FILE" in line
    assert said in line


@pytest.fixture
def role_file(secrets, tmp_path):
    """Gives the pod another role, as its Secret would."""

    def give(address: str) -> None:
        if (secrets / "role").is_symlink():
            (secrets / "role").unlink()
            (secrets / "role").mkdir()
        (secrets / "role" / "DATABASE_URL").write_text(address + "\n", encoding="ascii")

    return give


def address_of(role: str) -> str:
    at = connection.settings_dict
    return f"postgresql://{role}:a-password@{at['HOST']}:{at['PORT']}/{quote(at['NAME'])}"


@pytest.fixture
def signer(transactional_db, settings):
    settings.SIGNER_DATABASE_URL = address_of(SIGNER_ROLE)
    call_command("signer_role")
    yield settings.SIGNER_DATABASE_URL
    with connection.cursor() as cursor:
        cursor.execute(f"DROP OWNED BY {SIGNER_ROLE}")
        cursor.execute(f"DROP ROLE {SIGNER_ROLE}")


@pytest.mark.parametrize("role", ROLES)
def test_who_waits_for_the_database_sees_with_its_own_role_that_it_is_ready(addresses, secrets, role_file, role):  # noqa: F811
    role_file(addresses[role])
    done = run(secrets, "set_up_database", "--check")
    assert done.returncode == 0, done.stderr
    assert "ready" in done.stdout


def test_the_signer_can_wait_too(signer, secrets, role_file):
    role_file(signer)
    assert run(secrets, "set_up_database", "--check").returncode == 0


def test_who_waits_is_told_what_is_missing(addresses, secrets, role_file):  # noqa: F811
    role_file(addresses["exchange_writer"])
    with connection.cursor() as cursor:
        cursor.execute("REVOKE INSERT ON trading_order FROM exchange_writer")
    done = run(secrets, "set_up_database", "--check")
    assert done.returncode == 1
    assert "exchange_writer may not INSERT trading_order." in done.stderr
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'trading' AND name = %s", [NEWEST])
    try:
        done = run(secrets, "set_up_database", "--check")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('trading', %s, now())", [NEWEST])
    assert done.returncode == 1
    assert f"the first is trading.{NEWEST}" in done.stderr
    role_file(address_of("nobody_we_know"))
    done = run(secrets, "set_up_database", "--check")
    assert done.returncode == 1
    assert "The database cannot be asked" in done.stderr


# ------------------------------------------------------------------------------------------------------------- redis


def scripts() -> dict[str, str]:
    """What starts each Redis under compose and in the cluster."""
    services = YAML(typ="safe").load(COMPOSE_FILE)["services"]
    found = {f"compose {name}": services[name]["command"][-1] for name in ("redis-log", "redis-fan")}
    for name, _, pod in pods(read(FOLDER / "components/servers/redis.yaml")):
        found[f"kubernetes {name}"] = pod["containers"][0]["args"][0]
    return found


@pytest.mark.parametrize("which", sorted(scripts()))
def test_a_redis_starts_with_its_password_from_a_file_and_stops_when_it_is_told(which, tmp_path):
    """A shell that stays in front of it would keep the signal to itself: cut off after a minute, every time."""
    import redis

    password, port = tmp_path / "password", free_port()
    password.write_text("a-password", encoding="ascii")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "redis-server").symlink_to(valkey_binary())
    script = re.sub(r"/run/secrets/[\w/-]*password", str(password), scripts()[which])
    script = script.replace("/tmp/redis.conf", str(tmp_path / "redis.conf"))
    script = re.sub(r"--dir \S+", f"--dir {tmp_path} --port {port} --bind 127.0.0.1", script)
    environment = {"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    with subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            client = redis.Redis(port=port, password="a-password")
            until = time.monotonic() + DEADLINE_S
            while True:
                try:
                    assert client.ping()
                    break
                except redis.ConnectionError:
                    assert time.monotonic() < until
                    assert server.poll() is None
                    time.sleep(0.05)
            with pytest.raises(redis.AuthenticationError):
                redis.Redis(port=port).ping()
            assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
            assert 0 < int(client.config_get("maxmemory")["maxmemory"]) < 2 * 2**30
            assert (client.config_get("appendonly")["appendonly"] == "yes") == which.endswith("log")
            assert "a-password" not in Path(f"/proc/{server.pid}/cmdline").read_text(encoding="utf-8")
            assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0
            server.send_signal(signal.SIGTERM)
            assert server.wait(DEADLINE_S) == 0
        finally:
            server.kill()
