"""The Kubernetes manifests as far as they can be checked without a cluster: where each name leads, and how pods run.

The files of the base are read as they are. Where a kustomize is installed, each overlay is rendered too, and what comes
out has to pass the same.
"""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import get_commands
from ruamel.yaml import YAML

from accounts.database_rights import ROLES, role_of
from exchange_site.health import ROUTES
from exchange_site.launcher import health
from exchange_site.settings.env import SECRETS
from exchange_site.tests.test_compose import COMPOSE_FILE, ROOT, documented_variables

FOLDER = ROOT / "deploy" / "kubernetes"
MAKE_SECRETS = ROOT / "deploy" / "make_secrets.py"
KUSTOMIZATIONS = ["base", "overlays/example", "overlays/one-node"]
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")
OWNERS = {"migrate", "backup"}  # They make the schema, and read every table; they end when that is done.
SERVERS = {"postgres", "redis-log", "redis-fan", "nginx"}
ONLY_HERE = {"wait-for-database"}
ONLY_IN_COMPOSE = {"engine-standby", "certificate"}  # Here the second engine is a second pod; the certificate is given.


def read(path: Path) -> list[dict[str, Any]]:
    return [document for document in YAML(typ="safe").load_all(path) if document]


def files_of(folder: Path) -> Iterator[dict[str, Any]]:
    """The objects that a kustomization's files hold, with those of its bases, components and generators."""
    (kustomization,) = read(folder / "kustomization.yaml")
    for name in (*kustomization.get("resources", ()), *kustomization.get("components", ())):
        path = (folder / name).resolve()
        if path.is_dir():
            yield from files_of(path)
        else:
            yield from read(path)
    for made in kustomization.get("configMapGenerator", ()):
        data = dict(line.split("=", 1) for line in made.get("literals", ()))
        for env in made.get("envs", ()):
            data |= settings_in(folder / env)
        for file in made.get("files", ()):
            data[file] = (folder / file).read_text(encoding="utf-8")
        yield {"kind": "ConfigMap", "metadata": {"name": made["name"]}, "data": data}


def settings_in(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def pods(objects: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Name and whole object of each workload, and its pod."""
    for one in objects:
        if one["kind"] in WORKLOADS:
            yield one["metadata"]["name"], one, template_of(one)["spec"]


def template_of(workload: dict[str, Any]) -> dict[str, Any]:
    job = workload["spec"].get("jobTemplate", workload)
    return job["spec"]["template"]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def named(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Objects of a kind by name. A generator that adds to an earlier one of its name is merged with it."""
    found: dict[str, dict[str, Any]] = {}
    for one in objects:
        if one["kind"] == kind:
            name = one["metadata"]["name"]
            earlier = found.get(name, {})
            found[name] = one if "data" not in earlier else {**earlier, "data": {**earlier["data"], **one["data"]}}
    return found


def rendered(folder: str) -> list[dict[str, Any]]:
    tools = (["kustomize", "build"], ["kubectl", "kustomize"])
    tool = next((words for words in tools if shutil.which(words[0])), None)
    if tool is None:
        pytest.skip("There is neither kustomize nor kubectl here; only the files themselves are checked.")
    done = subprocess.run([*tool, str(FOLDER / folder)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return [document for document in YAML(typ="safe").load_all(done.stdout) if document]


@pytest.fixture(scope="module", params=["files of one-node", "files of example", *KUSTOMIZATIONS])
def objects(request) -> list[dict[str, Any]]:
    if request.param.startswith("files of "):
        return list(files_of(FOLDER / "overlays" / request.param.removeprefix("files of ")))
    return rendered(request.param)


@pytest.fixture(scope="module")
def base() -> list[dict[str, Any]]:
    return list(files_of(FOLDER / "base"))


# ----------------------------------------------------------------------------------------------------- references


def test_every_file_of_the_folder_is_part_of_a_kustomization():
    used = set()
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        (content,) = read(kustomization)
        named_files = [*content.get("resources", ()), *(patch["path"] for patch in content.get("patches", ()))]
        used |= {(kustomization.parent / name).resolve() for name in named_files}
    for path in FOLDER.rglob("*.yaml"):
        assert path.name == "kustomization.yaml" or path in used, f"{path.relative_to(ROOT)} is used by nothing"


def test_what_a_pod_mounts_exists_and_what_it_keeps_is_mounted(objects):
    claims, maps = set(named(objects, "PersistentVolumeClaim")), named(objects, "ConfigMap")
    for name, workload, _ in pods(objects):  # What a StatefulSet claims for its first pod.
        claims |= {
            f"{claim['metadata']['name']}-{name}-0" for claim in workload["spec"].get("volumeClaimTemplates", ())
        }
    for name, workload, pod in pods(objects):
        templates = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
        volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
        mounted = {mount["name"] for one in containers(pod) for mount in one["volumeMounts"]}
        assert mounted == set(volumes) | templates, name
        for volume in volumes.values():
            if "persistentVolumeClaim" in volume:
                assert volume["persistentVolumeClaim"]["claimName"] in claims, name
            if "configMap" in volume:
                assert volume["configMap"]["name"] in maps, name


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The secrets of an installation; each folder is a Secret."""
    folder = tmp_path_factory.mktemp("installation") / "secrets"
    subprocess.run([sys.executable, MAKE_SECRETS, folder], capture_output=True, check=True)
    return folder


def secret_files(pod: dict[str, Any], container: dict[str, Any]) -> dict[str, str]:
    """Folder in the container: name of the Secret whose files lie there."""
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    return {one["mountPath"]: secrets[one["name"]] for one in container["volumeMounts"] if one["name"] in secrets}


def test_s27_every_secret_that_is_read_is_made_and_none_is_a_value(objects, made):
    for name, _, pod in pods(objects):
        for volume in pod["volumes"]:
            if "secret" in volume:
                mode = volume["secret"]["defaultMode"]
                assert mode in {0o440, 440}, name  # Octal to the cluster; to YAML 1.2 it reads as 440.
        for one in containers(pod):
            folders = secret_files(pod, one)
            for folder, secret in folders.items():
                assert (made / secret).is_dir() or secret == "exchange-tls", f"{name} mounts {secret} at {folder}"
            for variable, value in environment(objects, one).items():
                assert variable not in SECRETS, f"{one['name']} of {name} has {variable} as a value"
                if variable.endswith("_FILE"):
                    folder, _, file = value.rpartition("/")
                    assert folder in folders, f"{one['name']} of {name} is told to read {value}, which it does not have"
                    assert (made / folders[folder] / file).is_file(), f"nothing makes {file} of {folders[folder]}"
                else:
                    assert not re.search("PASSWORD|TOKEN", variable), f"{one['name']} of {name} has {variable}"
                    assert "@" not in value.replace("exchange@", ""), f"{one['name']} of {name} has {variable}"
            for pair in one.get("env", ()):
                assert set(pair) == {"name", "value"}, f"{name}: {pair}"  # No secretKeyRef either: it would be a value.


def test_s29_each_process_has_the_address_of_its_role_and_no_other(objects, made):
    """From the pod through its Secret to the file, and whose login stands there."""
    for name, workload, pod in pods(objects):
        if name in SERVERS:
            continue
        for one in containers(pod):
            logins = {
                folder: urlsplit((made / secret / "DATABASE_URL").read_text(encoding="utf-8")).username
                for folder, secret in secret_files(pod, one).items()
                if (made / secret / "DATABASE_URL").exists()
            }
            given = environment(objects, one)
            role = logins[given["DATABASE_URL_FILE"].rpartition("/")[0]]
            if name in OWNERS:
                assert role == "exchange", name
                assert workload["kind"] in {"Job", "CronJob"}, "it must not stay"
            else:
                process = name.replace("-", "_")
                assert role == ("exchange_signer" if process == "signer" else role_of(process)), name
            if name == "migrate":
                for wanted, setting in {**ROLES, "exchange_signer": "SIGNER_DATABASE_URL"}.items():
                    assert logins[given[f"{setting}_FILE"].rpartition("/")[0]] == wanted
            else:
                assert len(logins) == 1, f"{one['name']} of {name} sees more addresses than its own: {logins}"


def environment(objects: list[dict[str, Any]], container: dict[str, Any]) -> dict[str, str]:
    maps = named(objects, "ConfigMap")
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        assert source["configMapRef"]["name"] in maps, container["name"]
        found |= maps[source["configMapRef"]["name"]]["data"]
    return found | {pair["name"]: pair["value"] for pair in container.get("env", ())}


def test_services_policies_and_budgets_select_pods_and_ports_that_exist(objects):
    labels = {name: template_of(workload)["metadata"]["labels"] for name, workload, _ in pods(objects)}
    ports = {
        name: {port["name"] for one in pod["containers"] for port in one.get("ports", ())}
        for name, _, pod in pods(objects)
    }
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        for one in named(objects, kind).values():
            spec = one["spec"]
            wanted = spec["selector"] if kind == "Service" else spec.get("selector") or spec.get("podSelector")
            wanted = wanted.get("matchLabels", wanted)
            chosen = [name for name, has in labels.items() if wanted.items() <= has.items()]
            assert chosen, f"{kind} {one['metadata']['name']} selects nothing"
            if kind == "Service":
                assert {port["targetPort"] for port in spec["ports"]} <= ports[chosen[0]]
            for rule in spec.get("ingress") or ():
                for port in rule.get("ports", ()):
                    assert isinstance(port["port"], int) or port["port"] in ports[chosen[0]]
    for name, workload, _ in pods(objects):
        if workload["kind"] == "StatefulSet":
            assert workload["spec"]["serviceName"] in named(objects, "Service"), name


def test_addresses_inside_of_the_cluster_are_services_and_their_ports(objects):
    services = {
        name: {port["port"] for port in one["spec"]["ports"]} for name, one in named(objects, "Service").items()
    }
    text = "\n".join(
        str(value) for _, _, pod in pods(objects) for one in containers(pod)
        for value in (*one.get("command", ()), *environment(objects, one).values())
    )  # fmt: skip
    assert "http://web:8000/" in text
    assert 8000 in services["web"]
    conf = next(one["data"]["nginx.conf"] for one in objects if "nginx.conf" in (one.get("data") or {}))
    assert "server web:8000" in conf
    if "http://nginx:8080" in text:
        assert 8080 in services["nginx"]


# ------------------------------------------------------------------------------------------- commands and settings


def test_every_command_and_probe_exists_as_the_image_would_start_it(objects):
    known = get_commands()
    for name, _, pod in pods(objects):
        for one in containers(pod):
            if not one["image"].startswith("exchange") and "/exchange" not in one["image"]:
                continue
            match one["command"]:
                case ["python", "manage.py", command, *_]:
                    assert command in known, f"{name} runs manage.py {command}"
                    for word in one["command"]:
                        for variable in re.findall(r"\$\((\w+)\)", word):
                            assert variable in environment(objects, one), f"{name} is given no {variable}"
                case ["python", "-m", module, *_]:
                    assert importlib.util.find_spec(module), f"{name} runs {module}"
                case command:
                    pytest.fail(f"{name} runs {command}")
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                match one.get(kind):
                    case {"httpGet": {"path": path, "port": "http"}}:
                        assert path in ROUTES, f"{name} is asked for {path}"
                    case {"httpGet": {"path": path, "port": "metrics"}}:
                        assert path == "/metrics"
                        assert environment(objects, one)["METRICS_PORT"] == "9100"
                    case {"exec": {"command": ["python", "-m", "exchange_site.launcher.health", check]}}:
                        assert check in health.CHECKS
                    case {"exec": {"command": ["sh", "-c", command]}}:
                        assert command.startswith("python -m celery -A exchange_site inspect ping ")
                    case None:
                        pass
                    case probe:
                        pytest.fail(f"{name}: nobody has said what {probe} asks")


def test_every_lasting_process_is_watched(objects):
    for name, workload, pod in pods(objects):
        if workload["kind"] in {"Job", "CronJob"}:
            continue
        for one in pod["containers"]:
            assert "livenessProbe" in one, name
            assert "readinessProbe" in one or name in {"celery-beat", "signer", "market-maker"}, name


def test_the_same_processes_run_as_under_compose_and_are_started_the_same_way():
    compose = YAML(typ="safe").load(COMPOSE_FILE)["services"]
    everything = [*files_of(FOLDER / "overlays" / "one-node"), *files_of(FOLDER / "components" / "backup")]
    here = {one["name"]: one for _, _, pod in pods(everything) for one in containers(pod)}
    assert set(here) - ONLY_HERE == set(compose) - ONLY_IN_COMPOSE
    for name in set(here) - ONLY_HERE - SERVERS - {"backup"}:
        assert here[name]["command"] == compose[name]["command"], name
    assert here["backup"]["command"][:4] == compose["backup"]["command"][:4]
    for name in set(here) - ONLY_HERE:
        limits = here[name]["resources"]["limits"]
        if compose[name]["restart"] == "unless-stopped":
            assert compose[name]["mem_limit"] == limits["memory"].removesuffix("i").lower(), name


def test_the_same_settings_reach_the_processes_as_under_compose(base):
    settings = named(base, "ConfigMap")["exchange-settings"]["data"]
    compose = YAML(typ="safe").load(COMPOSE_FILE)["x-app"]["environment"]
    assert set(settings) == set(compose)


def test_no_process_is_told_something_nobody_reads(objects):
    documented = set(documented_variables())
    for name, _, pod in pods(objects):
        for one in containers(pod):
            if name not in SERVERS:
                for variable in environment(objects, one).keys() - {"TMPDIR"}:
                    assert variable.removesuffix("_FILE") in documented, f"{name} is told {variable}"


# -------------------------------------------------------------------------------------------------- how pods run


def test_nothing_runs_as_root_or_writes_where_it_should_not(objects):
    for name, _, pod in pods(objects):
        assert pod["automountServiceAccountToken"] is False, name
        security = pod["securityContext"]
        assert security["runAsNonRoot"] is True, name
        assert security["runAsUser"] >= 70, name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for one in containers(pod):
            own = one["securityContext"]
            assert own["readOnlyRootFilesystem"] is True, (name, one["name"])
            assert own["allowPrivilegeEscalation"] is False, (name, one["name"])
            assert own["capabilities"] == {"drop": ["ALL"]}, (name, one["name"])
            for kind in ("requests", "limits"):
                assert set(one["resources"][kind]) == {"cpu", "memory"}, (name, one["name"])


def test_the_user_is_the_one_of_the_image(base):
    docker_file = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for name, _, pod in pods(base):
        if name != "nginx":
            assert f"--uid {pod['securityContext']['runAsUser']} " in docker_file, name


def test_what_must_not_be_gone_at_once_has_a_budget_and_two_pods(base):
    budgets = named(base, "PodDisruptionBudget")
    assert set(budgets) == {"web", "engine", "nginx"}
    for name, workload, _ in pods(base):
        if name in budgets:
            assert workload["spec"]["replicas"] == 2


def test_the_engine_is_never_rolled_by_the_cluster_and_both_see_one_journal(base):
    workloads = {name: (workload, pod) for name, workload, pod in pods(base)}
    engine, pod = workloads["engine"]
    assert engine["kind"] == "StatefulSet"
    assert engine["spec"]["updateStrategy"] == {"type": "OnDelete"}
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data"}} in pod["volumes"]
    assert named(base, "PersistentVolumeClaim")["data"]["spec"]["accessModes"] == ["ReadWriteMany"]


def test_only_the_signer_and_the_backup_see_its_keys(objects):
    for name, _, pod in pods(objects):
        for one in containers(pod):
            mounts = [mount for mount in one["volumeMounts"] if mount["mountPath"] == "/signer"]
            assert bool(mounts) == (one["name"] in {"signer", "backup"}), name
            assert [mount.get("readOnly", False) for mount in mounts] == [one["name"] == "backup"] * len(mounts)


def test_images_are_pinned(objects):
    """In what kustomize makes of them; the files themselves leave the tag to the kustomizations."""
    tags = {}
    for kustomization in FOLDER.rglob("kustomization.yaml"):
        (content,) = read(kustomization)
        tags |= {image["name"]: image["newTag"] for image in content.get("images", ())}
    for _, _, pod in pods(objects):
        for one in containers(pod):
            tag = one["image"].rpartition("/")[2].partition(":")[2] or tags.get(one["image"], "")
            assert tag not in {"", "latest"}, one["image"]
