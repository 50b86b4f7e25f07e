"""docker-compose.yml as far as it can be checked without a container engine: its form, and where each name leads."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import get_commands
from ruamel.yaml import YAML

from exchange_site.launcher import health

ROOT = Path(__file__).parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z0-9_]+)(?::?([-?+])([^}]*))?\}")
NOT_OURS = {"postgres", "redis-log", "redis-fan", "nginx"}
ONE_SHOT = {"migrate", "roles", "seed-database", "seed-engine", "certificate", "signer-role", "database-roles"}


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
    documented = documented_variables()
    for path in sorted((ROOT / "exchange_site" / "settings").glob("*.py")):
        for name in re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', path.read_text(encoding="utf-8")):
            assert name in documented, f"{path.name} reads {name}, which is missing in .env.example"


def test_the_example_holds_no_secret():
    passwords = [name for name in documented_variables() if name.endswith("POSTGRES_PASSWORD")]
    assert len(passwords) == 5
    for name in ("SECRET_KEY", "REDIS_PASSWORD", "EMAIL_HOST_PASSWORD", *passwords):
        assert documented_variables()[name] == ""


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
    command = services["redis-log"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert services["redis-log"]["volumes"]


def test_s29_no_process_that_stays_has_the_address_of_the_owner(services):
    """Only what makes the schema and the roles has it, and ends when that is done."""
    roles = {"web": "exchange_web", "db-writer": "exchange_writer", "signer": "exchange_signer"}
    for name in services.keys() - NOT_OURS - {"certificate"}:
        addresses = [str(value) for value in services[name]["environment"].values() if "postgresql://" in str(value)]
        owners = [address for address in addresses if address.startswith("postgresql://exchange:")]
        if name in {"migrate", "database-roles", "signer-role"}:
            assert services[name]["restart"] == "no"
            assert services[name]["environment"]["DATABASE_URL"] in owners
        else:
            assert not owners, name
            role = roles.get(name, "exchange_app")
            assert len(addresses) == 1, name
            assert addresses[0].startswith(f"postgresql://{role}:"), name


def test_the_same_processes_run_here_and_on_a_laptop(services):
    from exchange_site.launcher.processes import NAMES

    ours = {name.replace("-", "_") for name in services} - {"redis_log", "redis_fan", "nginx"}
    ours -= {name.replace("-", "_") for name in ONE_SHOT}
    ours -= {"engine_standby"}  # A laptop starts its one engine again instead.
    assert ours | {"redis"} == set(NAMES)
