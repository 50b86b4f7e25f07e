"""Scheduled jobs: one table, one at a time, on record, and run by a button."""

import threading

import pytest
from celery import current_app
from django.db import connection
from django.urls import reverse

from accounts.audit.models import AuditEntry
from accounts.services import create_user
from exchange_site.ops import jobs
from exchange_site.ops.models import JobRun
from exchange_site.settings.schedule import BEAT_SCHEDULE, JOBS


def test_every_job_of_the_table_is_a_task_that_exists():
    current_app.loader.import_default_modules()
    assert {job.task for job in JOBS} <= set(current_app.tasks)
    assert len(BEAT_SCHEDULE) == len(JOBS) == len(jobs.BY_TASK)
    assert all(jobs.in_words(job) for job in JOBS)


@pytest.mark.django_db
def test_a_run_is_on_record_with_what_it_said():
    assert jobs.run("wallet", lambda: 3) == 3
    row = JobRun.objects.get()
    assert (row.job, row.state, row.said) == ("wallet", "done", "3")
    assert row.milliseconds is not None


@pytest.mark.django_db
def test_a_failure_is_on_record_and_goes_on():
    with pytest.raises(ZeroDivisionError):
        jobs.run("wallet", lambda: 1 // 0)
    row = JobRun.objects.get()
    assert (row.state, row.said) == ("failed", "ZeroDivisionError: integer division or modulo by zero")


@pytest.mark.django_db
def test_a_run_that_was_killed_is_not_running_for_ever(django_user_model):
    from django.utils import timezone

    JobRun.objects.create(job="wallet", started_at=timezone.now())
    jobs.run("wallet", lambda: None)
    assert sorted(JobRun.objects.values_list("state", flat=True)) == ["done", "failed"]


@pytest.mark.django_db(transaction=True)
def test_the_same_job_does_not_run_twice_at_once():
    entered, leave = threading.Event(), threading.Event()

    def slow():
        entered.set()
        assert leave.wait(20)

    def in_thread():
        try:
            jobs.run("chains", slow)
        finally:
            connection.close()

    thread = threading.Thread(target=in_thread)
    thread.start()
    try:
        assert entered.wait(20)
        assert jobs.run("chains", lambda: pytest.fail("it ran twice")) is None
    finally:
        leave.set()
        thread.join(20)
    assert sorted(JobRun.objects.values_list("state", flat=True)) == ["done", "skipped"]


@pytest.mark.django_db
def test_only_the_newest_runs_are_kept(monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 5)
    for number in range(9):
        jobs.run("wallet", lambda number=number: number)
    assert [row.said for row in JobRun.objects.all()] == ["8", "7", "6", "5", "4"]


@pytest.mark.django_db
def test_a_job_that_always_fails_does_not_fill_the_table(monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 5)
    for _ in range(9):
        with pytest.raises(ZeroDivisionError):
            jobs.run("name", lambda: 1 / 0)
    assert JobRun.objects.count() == 5


@pytest.mark.django_db
def test_the_button_sends_the_job_and_says_who_asked(client, monkeypatch):
    sent = []
    monkeypatch.setattr(jobs, "send_now", lambda name, asked_by: sent.append((name, asked_by)))
    operator = create_user("operator@example.org", "correct horse battery", staff=True)
    client.force_login(operator)
    page = client.get(reverse("admin:exchange_site_jobrun_changelist")).content.decode()
    assert "every 3 s" in page
    assert "Run now" in page
    run = reverse("admin:exchange_site_jobrun_run")
    assert client.get(run).status_code == 405
    assert client.post(run, {"job": "nonsense"}).status_code == 404
    assert client.post(run, {"job": "clean-up"}).status_code == 302
    assert sent == [("clean-up", operator.pk)]
    assert AuditEntry.objects.latest("number").action == "job.run"
    operator.is_superuser = False
    operator.save()
    assert client.post(run, {"job": "clean-up"}).status_code == 403
