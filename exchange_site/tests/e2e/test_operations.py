"""Operations on a real exchange: every process shows its figures, and one order can be followed through all logs."""

import json
import urllib.request

from exchange_site.tests import observed
from exchange_site.tests.e2e.running import wait_until

ALL = {
    "engine", "db_writer", "market_feed", "user_feed", "web", "market_maker", "celery_worker", "celery_beat", "signer",
}  # fmt: skip


def figures(exchange, process):
    ports = json.loads((exchange.home / "ports.json").read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[f'metrics_{process}']}/metrics", timeout=10) as answer:
        return answer.read().decode()


def lines(exchange, process):
    """The objects of a log; what is no object was said by a program that is not ours."""
    for line in (exchange.home / "logs" / f"{process}.log").read_text().splitlines():
        text = line.partition(" ")[2]
        if text.startswith("{"):
            yield json.loads(text)


def test_every_name_that_alerts_and_dashboard_ask_for_is_shown_by_a_process(watched):
    shown = set()
    for process in ALL:
        page = figures(watched, process)
        assert "process_cpu_seconds_total" in page
        shown |= observed.names_shown(page)
    wait_until(lambda: "exchange_withdrawals" in figures(watched, "celery_worker"), 30, "the worker has read figures")
    shown |= observed.names_shown(figures(watched, "celery_worker"))
    missing = {name: where for name, where in observed.names_asked_for().items() if name not in shown}
    assert not missing


def test_one_order_is_found_in_the_logs_of_every_process_it_crossed(watched):
    crossed = ("engine", "db_writer", "market_feed", "user_feed")

    def order_ids(process):
        return {line["order_id"] for line in lines(watched, process) if "order_id" in line}

    def found():
        sent = [line for line in lines(watched, "web") if "order_id" in line]
        whole = set.intersection(*(order_ids(process) for process in crossed))
        return next((line for line in sent if line["order_id"] in whole), None)

    sent = wait_until(found, 60, "an order of the market maker has gone all the way")
    decided = next(line for line in lines(watched, "engine") if line.get("order_id") == sent["order_id"])
    assert decided["command_id"] == sent["command_id"]
    assert decided["n"] == sent["n"]
    assert len(sent["request_id"]) == 16
    for process in crossed[1:]:
        assert any(
            line.get("order_id") == sent["order_id"] and line["n"] == sent["n"] for line in lines(watched, process)
        ), process


def test_the_audit_log_is_whole_and_its_head_is_noted(watched):
    assert "is whole" in watched.manage("audit", "verify")
    assert "is noted in" in watched.manage("audit", "note")
    watched.manage("audit", "verify")
