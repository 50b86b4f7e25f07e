"""The Celery application: `celery -A exchange_site worker` and `celery -A exchange_site beat`.

Every task may run twice (delivery is at least once, beat may fire twice), so each is idempotent.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "exchange_site.settings.local")

app = Celery("exchange_site", task_cls="exchange_site.ops.jobs:RecordedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

from exchange_site.ops import task_metrics  # noqa: E402, F401 - connects to the signals of worker and beat.
