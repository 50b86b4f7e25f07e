"""Figures of Celery's worker and beat: how often and how long each task runs, and how often it fails."""

import time
from typing import Any

from celery import signals

from exchange_site.kernel import metrics
from exchange_site.kernel.metrics import SLOW_SECONDS, Counter, Gauge, Histogram

runs = Counter("exchange_task_runs", "Runs of a task", ["task", "result"])
seconds = Histogram("exchange_task_seconds", "How long a task ran", ["task"], buckets=SLOW_SECONDS)
last_success = Gauge("exchange_task_success_timestamp_seconds", "When a task last succeeded", ["task"])
tasks_sent = Counter("exchange_tasks_sent", "Tasks this process has sent")

_began: dict[str, float] = {}


@signals.worker_ready.connect
def serve_worker(**_: Any) -> None:
    from exchange_site.ops.figures import SiteCollector  # Models are ready by now, not when this module is read.

    metrics.serve("celery_worker", SiteCollector())


@signals.beat_init.connect
def serve_beat(**_: Any) -> None:
    metrics.serve("celery_beat")


@signals.before_task_publish.connect
def sent(**_: Any) -> None:
    tasks_sent.inc()


@signals.task_prerun.connect
def begin(task_id: str, **_: Any) -> None:
    _began[task_id] = time.monotonic()


@signals.task_postrun.connect
def end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    began = _began.pop(task_id, None)
    runs.labels(task.name, (state or "unknown").lower()).inc()
    if began is not None:
        seconds.labels(task.name).observe(time.monotonic() - began)
    if state == "SUCCESS":
        last_success.labels(task.name).set_to_current_time()
