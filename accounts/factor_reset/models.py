"""Approved resets of second factors, and what became of each."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class SecondFactorReset(models.Model):
    """WAITING becomes DONE when its time has come, or OBJECTED (by the user) or STOPPED (by staff) before.

    The time runs from the mail on: `due_at` is empty until the user has been told.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        OBJECTED = "objected", "The user objected"
        STOPPED = "stopped", "Stopped by staff"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=32, unique=True, help_text="Key of the approved wish.")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=256)
    created_at = models.DateTimeField(auto_now_add=True)
    mailed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, help_text="When it takes effect; empty until the user has been told.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "reset of a second factor"
        verbose_name_plural = "resets of second factors"
        permissions = [
            ("ask_factor_reset", "Can ask for the reset of a second factor, and stop one"),
            ("approve_factor_reset", "Can approve the reset of a second factor"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=Q(state="waiting"), name="factor_reset_waits_once")
        ]

    def __str__(self) -> str:
        return f"Second factor of {self.user}"
