"""What the jobs of the schedule did (`exchange_site.ops.schedule`)."""

from django.conf import settings
from django.db import models


class JobRun(models.Model):
    """One run of a scheduled job. Of each job the newest hundred are kept."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped: another one ran"

    job = models.CharField(max_length=64)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    milliseconds = models.BigIntegerField(null=True)
    said = models.CharField(max_length=512, blank=True, help_text="What it returned, or why it failed.")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["job", "-id"], name="job_run_by_job")]
        permissions = [
            ("run_job", "Can run a scheduled job now"),
            ("assign_roles", "Can give and take the roles of staff"),
            ("view_as_user", "Can look at the site as a user sees it"),
            ("view_dashboard", "Can see whether everything is all right"),
        ]

    def __str__(self) -> str:
        return f"{self.job} at {self.started_at:%Y-%m-%d %H:%M:%S}"
