"""Tests: as `local`, on the servers the test command starts, with a cheap password hash."""

from exchange_site.settings.local import *  # noqa: F403

DEMO_MODE = True
RATE_LIMIT_ACCOUNT_PER_MINUTE = RATE_LIMIT_ADDRESS_PER_MINUTE = 60_000_000  # Tests of limits set their own.
SOCKETS_PER_ADDRESS = 1_000_000
DATABASE_ALLOW_VOLATILE = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STAFF_ONE_PERSON = False  # As in production.
WALLET_SIMULATED_BLOCKS = WALLET_WAKE_TASKS = False  # Tests run the steps themselves.
WALLET_ADDRESS_HOLD_S = WALLET_FREEZE_S = 86_400
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
CELERY_TASK_ALWAYS_EAGER = True
DATABASES["default"]["CONN_MAX_AGE"] = 0  # Threads of the web process must not hold on to a test database.
DATABASES["default"]["ENGINE"] = "exchange_site.tests.quick_postgres"
