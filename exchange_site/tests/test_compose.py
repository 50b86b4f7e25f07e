"""docker-compose.yml as far as it can be checked without a container engine: its form, and where each name leads."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands
from ruamel.yaml import YAML

from accounts.database_rights import ROLES, role_of
from exchange_site.launcher import health
from exchange_site.ops.backup.crypt import read_key
from exchange_site.settings.env import SECRETS
from exchange_site.tests.test_settings_env import SETTINGS, read_names

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(?::?([-?+])([^}]*))?\}")
NOT_OURS = {"postgres", "redis-log", "redis-fan", "nginx"}
ONE_SHOT = {"migrate", "seed-database", "seed-engine", "certificate", "backup"}
OWNERS = {"migrate", "backup"}  # They make the schema, and read every table; they end when that is done.
LEFT_AT_THEIR_DEFAULTS = {
    "API_FAST_LANE",
    "AUDIT_HEADS_FILE",
    "DATABASE_ALLOW_VOLATILE",
    "ENGINE_ALLOW_VOLATILE_REDIS",
    "ENGINE_CRASH_AT",
    "ENGINE_SEGMENT_BYTES",
    "EXCHANGE_JOURNAL_DIR",
    "EXCHANGE_PORT",
    "EXCHANGE_SNAPSHOT_DIR",
    "EXCHANGE_STYLEGUIDE",
    "EXPORTS_AT_ONCE",
    "EXPORT_MAX_S",
    "LIABILITY_PATHS_KEPT_DAYS",
    "READY_MAX_LAG_OUTCOMES",
    "RECONCILE_STOPS_TRADING",
    "SECOND_FACTOR_RESET_S",
    "SIGNER_BITCOIN_RPC_WALLET",
    "SIGNER_DAILY_VALUE_CENTS",
    "STAFF_IDLE_S",
    "STAFF_SESSION_S",
    "TAKEOUT_EVERY_S",
    "TAKEOUT_KEPT_DAYS",
    "WALLET_ADDRESS_HOLD_S",
    "WALLET_BITCOIN_NETWORK",
    "WALLET_BITCOIN_RPC_COLD_WALLET",
    "WALLET_BITCOIN_RPC_WALLET",
    "WALLET_CRASH_AT",
    "WALLET_DAILY_VALUE_CENTS",
    "WALLET_FREEZE_S",
    "WALLET_HOURLY_WITHDRAWALS",
}
"""Neither compose nor the manifests name these: each has a default, and `.env` or an overlay may give another."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return YAML(typ="safe").load(COMPOSE_FILE)


@pytest.fixture(scope="module")
def services(compose) -> dict[str, dict[str, Any]]:
    return compose["services"]


def documented_variables() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    pairs = [re.fullmatch(r"(?:# )?([A-Z][A-Z0-9_]+)=(.*)", line) for line in lines]
    return {pair[1]: pair[2] for pair in pairs if pair}


def test_the_file_follows_the_compose_specification():
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", COMPOSE_FILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_dependency_exists_and_can_be_waited_for(services):
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            assert other in services, f"{name} depends on {other}"
            if how["condition"] == "service_healthy":
                assert "test" in services[other].get("healthcheck", {}), f"{other} has no health check"
            else:
                assert other in ONE_SHOT, f"{name} waits for the end of {other}, which never ends"
            profiles = set(services[other].get("profiles", []))
            assert profiles <= set(service.get("profiles", [])), f"{name} runs without {other}'s profile"


def test_no_dependency_goes_in_a_circle(services):
    left = {name: set(service.get("depends_on", {})) for name, service in services.items()}
    while left:
        ready = {name for name, needs in left.items() if not needs & left.keys()}
        assert ready, f"these wait for each other: {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in ready}


def test_every_volume_and_network_is_declared(compose, services):
    for name, service in services.items():
        assert set(service["networks"]) <= compose["networks"].keys(), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_file(), f"{name} mounts {source}"
            else:
                assert source in compose["volumes"], f"{name} mounts {source}"
    used = {v.split(":")[0] for s in services.values() for v in s.get("volumes", [])}
    assert compose["volumes"].keys() <= used


def test_every_variable_is_documented_and_resolves():
    documented = documented_variables()
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    for name, operator, _ in VARIABLE.findall(text):
        assert name in documented, f"{name} is missing in .env.example"
        assert operator in {"-", "?"}, f"{name} has neither a default nor a message for its absence"


def test_the_example_documents_every_variable_the_settings_read():
    missing = read_names() - documented_variables().keys()
    assert not missing, f"missing in .env.example: {sorted(missing)}"


def test_every_setting_is_given_or_has_a_default_on_purpose(services):
    given = {name.removesuffix("_FILE") for service in services.values() for name in service.get("environment", {})}
    assert read_names() - given == LEFT_AT_THEIR_DEFAULTS
    text = "".join(path.read_text(encoding="utf-8") for path in SETTINGS.glob("*.py"))
    for name in LEFT_AT_THEIR_DEFAULTS:
        assert re.search(rf"""env\.\w+\(\s*["']{name}["'],""", text), f"{name} has no default"
    for name in services.keys() - NOT_OURS - {"certificate"}:  # What .env has besides reaches the processes too.
        assert services[name]["env_file"] == [{"path": ".env", "required": False}], name


def test_the_example_holds_no_secret():
    documented = documented_variables()
    assert documented.keys() >= SECRETS
    assert not [name for name in SECRETS if documented[name]]
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if line.split("=")[0] in SECRETS], "as a file, not as a line of .env"
    assert "secrets" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "/secrets/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_every_command_exists(services):
    known = get_commands()
    for name, service in services.items():
        if name in NOT_OURS:
            continue
        match service["command"]:
            case ["python", "manage.py", command, *_]:
                assert command in known, f"{name} runs manage.py {command}"
            case ["python", "-m", module, *_]:
                assert importlib.util.find_spec(module), f"{name} runs {module}"
            case ["python", script, *_]:
                assert (ROOT / script).is_file(), f"{name} runs {script}"
            case command:
                pytest.fail(f"{name} runs {command}")


def test_every_lasting_process_has_a_health_check_or_says_that_it_has_none(services):
    for name, service in services.items():
        if name in ONE_SHOT:
            continue
        check = service["healthcheck"]
        assert check.get("disable") or check["test"], name
        if "exchange_site.launcher.health" in check.get("test", []):
            assert check["test"][-1] in health.CHECKS, name


def test_every_image_is_pinned(services):
    images = {service["image"] for service in services.values() if not service["image"].startswith("exchange:")}
    docker_file = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    images |= set(re.findall(r"^FROM (\S+:\S+)", docker_file, re.MULTILINE))
    for image in images:
        assert re.search(r":\d+\.\d+\.\d+", image), f"{image} names no exact version"


def test_the_image_is_built_in_stages_runs_as_nobody_and_knows_whether_it_is_healthy():
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("FROM ") for line in lines) >= 3
    user = next(number for number, line in enumerate(lines) if line == "USER exchange")
    assert not [line for line in lines[user:] if line.startswith(("RUN ", "COPY ", "FROM "))], "nothing after it"
    [check] = [line for line in lines if line.startswith("HEALTHCHECK ")]
    assert check.endswith('CMD ["python", "-m", "exchange_site.launcher.health"]')


def test_the_log_is_kept_and_never_evicted(services):
    command = " ".join(services["redis-log"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert services["redis-log"]["volumes"] == ["redis-log:/data"]


# ------------------------------------------------------------------------------------------------------------ secrets


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The secrets of an installation."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run([sys.executable, ROOT / "deploy" / "make_secrets.py", folder], capture_output=True, check=True)
    return folder


def secret_files(compose: dict[str, Any], service: dict[str, Any]) -> dict[str, str]:
    """Path in the container: path below the folder of secrets."""
    found = {}
    for one in service.get("secrets", []):
        source, target = (one, one) if isinstance(one, str) else (one["source"], one["target"])
        found[f"/run/secrets/{target}"] = compose["secrets"][source]["file"]
    return {path: file.removeprefix("${SECRETS_FOLDER:-./secrets}/") for path, file in found.items()}


def test_s27_no_secret_is_a_value_and_every_file_is_there(compose, services, made):
    for name, service in services.items():
        there = secret_files(compose, service)
        for path, file in there.items():
            assert (made / file).is_file(), f"{name} mounts {path}, and make_secrets.py makes no {file}"
        for variable, value in service.get("environment", {}).items():
            assert variable not in SECRETS, f"{name} has {variable} as a value"
            assert "@" not in str(value).replace("exchange@localhost", ""), f"{name} has a login in {variable}"
            if variable.endswith("_FILE"):
                assert value in there, f"{name} is told to read {value}, which it does not have"
            else:
                assert not re.search("PASSWORD|TOKEN", variable), f"{name} has {variable} as a value"
        words = " ".join(map(str, [service.get("command", ""), service.get("healthcheck", "")]))
        assert not re.search(r"\$\{\w*(PASSWORD|SECRET|KEY)", words), name
    used = {file for service in services.values() for file in secret_files(compose, service).values()}
    assert used == {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}


def test_secrets_are_closed_to_others_and_readable_where_they_are_mounted(made):
    """Compose mounts a file as it is, and who reads it is another user; what closes it is the folder."""
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.rglob("*") if path.is_file()} == {0o444}


def test_secrets_are_not_made_in_a_folder_that_others_can_open(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    command = [sys.executable, ROOT / "deploy" / "make_secrets.py", tmp_path / "open"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "chmod 700" in done.stderr
    assert list((tmp_path / "open").iterdir()) == []


def test_secrets_made_twice_stay_what_they_are(tmp_path):
    folder = tmp_path / "secrets"
    command = [sys.executable, ROOT / "deploy" / "make_secrets.py", folder, "--postgres", "db.example.org:5432"]
    subprocess.run(command, capture_output=True, check=True)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (lost := folder / "exchange-owner-secrets" / "DATABASE_URL").unlink()
    subprocess.run(command, capture_output=True, check=True)
    assert {path: path.read_bytes() for path in before} == before
    assert b"@db.example.org:5432/exchange" in lost.read_bytes()
    assert len(read_key(folder / "exchange-backup-secrets" / "key")) == 32  # What `manage.py backup` takes.


def test_s29_each_process_has_the_address_of_its_role_and_no_other(compose, services, made):
    """The owner's only what makes the schema or reads everything, and ends when that is done."""
    for name in services.keys() - NOT_OURS - {"certificate"}:
        service = services[name]
        logins = {
            variable: urlsplit((made / secret_files(compose, service)[value]).read_text()).username
            for variable, value in service["environment"].items()
            if variable.endswith("DATABASE_URL_FILE")
        }
        process = service["environment"]["EXCHANGE_PROCESS"]
        if name in OWNERS:
            assert service["restart"] == "no"
            assert logins["DATABASE_URL_FILE"] == "exchange"
        else:
            wanted = "exchange_signer" if name == "signer" else role_of(process)
            assert logins == {"DATABASE_URL_FILE": wanted}, name
        held = [file for file in secret_files(compose, service).values() if file.endswith("DATABASE_URL")]
        assert len(held) == (5 if name == "migrate" else 1), name
    given = services["migrate"]["environment"]
    files_of_migrate = secret_files(compose, services["migrate"])
    for role, setting in {**ROLES, "exchange_signer": "SIGNER_DATABASE_URL"}.items():
        assert urlsplit((made / files_of_migrate[given[f"{setting}_FILE"]]).read_text()).username == role


def test_only_the_signer_and_the_backup_have_the_keys_of_the_wallet(services):
    for name, service in services.items():
        mounts = [volume for volume in service.get("volumes", []) if volume.startswith("signer:")]
        assert mounts == {"signer": ["signer:/signer"], "backup": ["signer:/signer:ro"]}.get(name, []), name


# ---------------------------------------------------------------------------------------------------- how they run


def test_nothing_runs_as_root_or_writes_where_it_should_not(services):
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        if service["image"].startswith("exchange:"):
            continue  # The image says who.
        assert int(service["user"].split(":")[0]) >= 70, name


def test_one_process_cannot_take_the_whole_host(services):
    for name, service in services.items():
        assert service["mem_limit"], name
        assert 0 < float(service["cpus"]) <= 2, name
        assert 0 < service["pids_limit"] <= 500, name
        assert service["logging"] == {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}, name
        if name not in ONE_SHOT:
            assert service["restart"] == "unless-stopped", name
    for name in ("web", "nginx"):
        assert services[name]["ulimits"]["nofile"]["soft"] >= 65_536


def test_servers_reach_nobody_and_are_reached_by_processes_only(compose, services):
    assert compose["networks"]["inside"] == {"internal": True}
    for name, service in services.items():
        if name in {"postgres", "redis-log", "redis-fan"}:
            assert service["networks"] == ["inside"], name
        elif name in {"nginx", "market-maker", "certificate"}:
            assert service["networks"] == ["edge"], name
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


def test_the_journal_is_written_by_the_engines_and_seen_by_few(services):
    mounts = {
        name: [volume for volume in service.get("volumes", []) if volume.startswith("data:")]
        for name, service in services.items()
    }
    assert {name for name, mount in mounts.items() if mount == ["data:/data:ro"]} == {"web", "market-maker"}
    writing = {"engine", "engine-standby", "celery-worker", "seed-database", "seed-engine", "backup"}
    assert {name for name, mount in mounts.items() if mount == ["data:/data"]} == writing


def test_every_volume_is_mounted_where_the_image_has_a_folder_of_its_user(services):
    """A new volume gets owner and rights of what lies there; where nothing lies it would be root's."""
    made = re.findall(r"install --directory --owner exchange .*?((?: /\w+)+)", (ROOT / "Dockerfile").read_text())
    folders = {folder for names in made for folder in names.split()}
    for name, service in services.items():
        if service["image"].startswith("exchange:"):
            for volume in service.get("volumes", []):
                assert volume.split(":")[1] in folders, f"{name} mounts {volume}"
    assert "install --directory --owner exchange --group exchange --mode 0700 /signer" in (
        ROOT / "Dockerfile"
    ).read_text(encoding="utf-8")


def test_the_same_processes_run_here_and_on_a_laptop(services):
    from exchange_site.launcher.processes import NAMES

    ours = {name.replace("-", "_") for name in services} - {"redis_log", "redis_fan", "nginx"}
    ours -= {name.replace("-", "_") for name in ONE_SHOT}
    ours -= {"engine_standby"}  # A laptop starts its one engine again instead.
    assert ours | {"redis"} == set(NAMES)
