"""Figures of a process for Prometheus: where each process shows them, and what they have in common.

Every process that runs for long has an endpoint on the loopback address (`/metrics` on METRICS_PORT, which the launcher
gives it; none without). Names begin with `exchange_` and end with their unit. Hot loops count once per batch.
"""

import logging
import threading
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.registry import Collector

log = logging.getLogger(__name__)

FAST_SECONDS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)  # A batch, an answer.
SLOW_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)  # A transaction, a task.
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)
PORTS_TRIED = 16  # Web workers share one number and take the ones after it.

__all__ = ["FAST_SECONDS", "SIZES", "SLOW_SECONDS", "Counter", "Gauge", "Histogram", "names_in", "page", "serve"]

_serving: dict[str, int] = {}
_lock = threading.Lock()


def serve(process: str, *collectors: Collector) -> int | None:
    """Show this process's figures from now on, in a thread of their own. The port; None where no port is given.

    A second call does nothing. That figures cannot be shown never stops a process from doing its work.
    """
    with _lock:
        if process in _serving:
            return _serving[process]
        for collector in collectors:
            REGISTRY.register(collector)
        first = settings.METRICS_PORT
        if not first:
            return None
        for port in range(first, first + PORTS_TRIED):
            try:
                start_http_server(port, addr=settings.METRICS_HOST)
            except OSError:
                continue
            _serving[process] = port
            return port
    log.warning("The figures of %s are not shown: ports %d to %d are taken.", process, first, first + PORTS_TRIED - 1)
    return None


def page(registry: CollectorRegistry = REGISTRY) -> bytes:
    """Everything this process counts, in Prometheus's text form."""
    return generate_latest(registry)


def names_in(text: Iterable[str]) -> set[str]:
    """The names of the series on a page, as queries use them."""
    found: set[str] = set()
    for line in text:
        if line and not line.startswith("#"):
            found.add(line.partition("{")[0].partition(" ")[0])
    return found


def samples(collector: Any) -> list[Any]:
    """What a metric says now (tests, the dashboard)."""
    return [sample for family in collector.collect() for sample in family.samples]
