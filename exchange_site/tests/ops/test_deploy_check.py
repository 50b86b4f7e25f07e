"""Django's own check of a deployment has nothing to say about our production settings."""

import os
import secrets
import subprocess
import sys

from django.conf import settings

PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "exchange_site.settings.production",
    "SECRET_KEY": secrets.token_urlsafe(48),
    "DATABASE_URL": "postgresql://unused:unused@127.0.0.1:9/unused",
    "REDIS_LOG_URL": "redis://:unused@127.0.0.1:9/0",
    "REDIS_FAN_URL": "redis://:unused@127.0.0.1:9/1",
    "ALLOWED_HOSTS": "exchange.example.org",
    "EXCHANGE_PUBLIC_URL": "https://exchange.example.org",
}


def check(**changes):
    command = [sys.executable, "-W", "ignore", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    environment = {"PATH": os.environ["PATH"], **PRODUCTION, **changes}
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def test_check_deploy_is_clean_with_production_settings():
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no issues" in done.stdout


def test_it_would_say_something():
    done = check(SECURE_SSL_REDIRECT="false", SECRET_KEY="short")
    assert done.returncode == 1
    assert "security.W008" in done.stderr
    assert "security.W009" in done.stderr
