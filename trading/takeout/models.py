"""Archives that people asked for, and their bytes until they run out."""

from django.db import models
from django.db.models import Q

from accounts.models import Account


class Takeout(models.Model):
    """One request. The row stays, as a note that it was made; its parts go."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Being made"
        READY = "ready", "Ready"
        FAILED = "failed", "Failed"
        EXPIRED = "expired", "Run out"

    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="takeouts")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    requested_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    n = models.BigIntegerField(null=True, blank=True, help_text="Outcome number of everything in it.")
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    downloads = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=256, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(state__in=["waiting", "running"]), name="one_takeout_at_a_time"
            )
        ]
        indexes = [models.Index(fields=["state"], name="takeout_by_state")]

    def __str__(self) -> str:
        return f"takeout {self.pk}"


class TakeoutPart(models.Model):
    """A piece of an archive, at most `archive.PART_BYTES`; every process reaches the database, not every disk."""

    pk = models.CompositePrimaryKey("takeout_id", "number")
    takeout = models.ForeignKey(Takeout, on_delete=models.CASCADE, db_index=False, related_name="parts")
    number = models.IntegerField()
    data = models.BinaryField()
