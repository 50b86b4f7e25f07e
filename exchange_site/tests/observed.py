"""What the files in deploy/ ask Prometheus for, so that tests can hold it against what the processes really show."""

import json
import re
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARD = DEPLOY / "grafana" / "exchange.json"
_NAME = re.compile(r"\bexchange_[a-z0-9_]+")


def alerts() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def names_asked_for() -> dict[str, str]:
    """Series name -> where it is asked for."""
    found: dict[str, str] = {}
    for rule in alerts():
        found.update(dict.fromkeys(_NAME.findall(rule["expr"]), f"alert {rule['alert']}"))
    for panel in panels():
        for target in panel["targets"]:
            found.update(dict.fromkeys(_NAME.findall(target["expr"]), f"panel {panel['title']}"))
    return found


def names_shown(page: str) -> set[str]:
    """Series a page can have, those without a value yet included."""
    found: set[str] = set()
    for line in page.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            found.add(name)
            if kind == "histogram":
                found |= {f"{name}_bucket", f"{name}_sum", f"{name}_count"}
    return found
