"""Operators' own tables in the admin. What libraries register and staff must not edit by hand is taken out here:
second factors and addresses (whoever edits them takes over an account), and tasks with free names and arguments."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django_celery_beat import models as beat
from kombu.exceptions import OperationalError

from exchange_site.ops import jobs
from exchange_site.ops.models import JobRun
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.staff_acts import By, note

RUN_JOB = "exchange_site.run_job"

for _model in (
    Authenticator, EmailAddress, UserSession, beat.PeriodicTask, beat.IntervalSchedule, beat.CrontabSchedule,
    beat.SolarSchedule, beat.ClockedSchedule,
):  # fmt: skip
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    """Its list begins with the table of jobs, each with a button that runs it now."""

    list_before_template = "admin/staff/jobs.html"
    list_display = ["started_at", "job", "state", "milliseconds", "said", "asked_by"]
    list_filter = ["state", "job"]
    search_fields = ["job", "said"]
    list_select_related = ["asked_by"]
    ordering = ["-pk"]

    def get_urls(self) -> list[URLPattern]:
        own = path("run", self.admin_site.admin_view(self.run), name="exchange_site_jobrun_run")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        more = {"jobs": jobs.overview(), "may_run": request.user.has_perm(RUN_JOB)}
        return super().changelist_view(request, {**more, **(extra_context or {})})

    def run(self, request: HttpRequest) -> HttpResponse:
        """Sends one job to the worker; who asked is on record."""
        if not request.user.has_perm(RUN_JOB):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        name = request.POST.get("job", "")
        if name not in jobs.BY_NAME:
            raise Http404(name)
        by = By(request.user, "run now in the admin", request.META.get("REMOTE_ADDR") or None)
        try:
            note(by, "job.run", name)
            jobs.send_now(name, request.user.pk or 0)
        except OperationalError as error:
            messages.error(request, f"The queue is not reachable: {error}")
        else:
            messages.success(request, f"{name} is sent to the worker; its run shows below in a moment.")
        return redirect("admin:exchange_site_jobrun_changelist")
