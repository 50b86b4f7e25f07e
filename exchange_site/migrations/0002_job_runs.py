"""What the jobs of the schedule did, and the rights of operators that belong to no table."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("exchange_site", "0001_news"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="JobRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("job", models.CharField(max_length=64)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("skipped", "Skipped: another one ran"),
                        ],
                        default="running",
                        max_length=8,
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("milliseconds", models.BigIntegerField(null=True)),
                (
                    "said",
                    models.CharField(blank=True, help_text="What it returned, or why it failed.", max_length=512),
                ),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
                "permissions": [
                    ("run_job", "Can run a scheduled job now"),
                    ("assign_roles", "Can give and take the roles of staff"),
                    ("view_as_user", "Can look at the site as a user sees it"),
                    ("view_dashboard", "Can see whether everything is all right"),
                ],
                "indexes": [models.Index(fields=["job", "-id"], name="job_run_by_job")],
            },
        ),
    ]
