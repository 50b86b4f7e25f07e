"""How a scheduled job runs: one at a time, timed, and on record with what it said or why it failed."""

import time
from collections.abc import Callable
from typing import Any

from celery import Task
from django.utils import timezone

from accounts.wallet.locks import only_one
from exchange_site.kernel import log_context
from exchange_site.ops.models import JobRun
from exchange_site.settings.schedule import JOBS, Job

KEPT = 100  # Runs of each job.
ASKED_BY = "asked_by"
BY_NAME: dict[str, Job] = {job.name: job for job in JOBS}
BY_TASK: dict[str, Job] = {job.task: job for job in JOBS}


class RecordedTask(Task):  # type: ignore[misc]
    """Every task of ours is one. Those of the schedule are locked and recorded when a worker runs them."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        job = BY_TASK.get(self.name)
        request = self.request
        if job is None or request.called_directly or request.is_eager:
            return super().__call__(*args, **kwargs)
        asked_by = (request.headers or {}).get(ASKED_BY) or getattr(request, ASKED_BY, None)
        with log_context.also(request_id=str(request.id)[:16], job=job.name):
            return run(job.name, lambda: super(RecordedTask, self).__call__(*args, **kwargs), asked_by)


def run(name: str, work: Callable[[], Any], asked_by: int | None = None) -> Any:
    """Do the work unless the same job runs somewhere now. What the work raises goes on to the caller."""
    with only_one(f"job:{name}") as mine:
        if not mine:
            JobRun.objects.create(job=name, state=JobRun.State.SKIPPED, started_at=timezone.now(), asked_by_id=asked_by)
            return None
        _interrupted(name)
        row = JobRun.objects.create(job=name, started_at=timezone.now(), asked_by_id=asked_by)
        began = time.monotonic()
        try:
            said = work()
        except BaseException as error:
            _ended(row, JobRun.State.FAILED, began, f"{type(error).__name__}: {error}")
            _forget_old(name)  # One that fails each time must not fill the table either.
            raise
        _ended(row, JobRun.State.DONE, began, "" if said is None else str(said))
        _forget_old(name)
        return said


def send_now(name: str, asked_by: int) -> None:
    """Put a job into the queue as if its time had come. Raises KeyError, and what Celery raises without a broker."""
    from exchange_site.celery import app

    job = BY_NAME[name]
    app.send_task(job.task, headers={ASKED_BY: asked_by}, expires=max(60, job.dropped_after_s), retry=False)


def overview() -> list[dict[str, Any]]:
    """The table of jobs with the last run and the last failure of each."""
    lines = []
    for job in JOBS:
        runs = JobRun.objects.filter(job=job.name)
        lines.append(
            {
                "job": job,
                "when": in_words(job),
                "last": runs.exclude(state=JobRun.State.SKIPPED).first(),
                "failure": runs.filter(state=JobRun.State.FAILED).first(),
            }
        )
    return lines


def in_words(job: Job) -> str:
    if isinstance(job.when, float):
        return f"every {job.when:g} s"
    minute, hour = str(job.when._orig_minute), str(job.when._orig_hour)
    if hour == "*":
        return f"every {minute[2:]} min" if minute.startswith("*/") else f"hourly at :{int(minute):02d}"
    return f"daily at {int(hour):02d}:{int(minute):02d} UTC"


def _interrupted(name: str) -> None:
    """We hold the lock, so a run that still says it runs was killed."""
    rows = JobRun.objects.filter(job=name, state=JobRun.State.RUNNING)
    rows.update(state=JobRun.State.FAILED, ended_at=timezone.now(), said="Its process was killed")


def _ended(row: JobRun, state: Any, began: float, said: str) -> None:
    row.state, row.ended_at = state, timezone.now()
    row.milliseconds = int((time.monotonic() - began) * 1000)
    row.said = " ".join(said.split())[:512].replace("\0", "")
    row.save(update_fields=["state", "ended_at", "milliseconds", "said"])


def _forget_old(name: str) -> None:
    oldest = JobRun.objects.filter(job=name).order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]
    for pk in oldest:
        JobRun.objects.filter(job=name, pk__lte=pk).delete()
