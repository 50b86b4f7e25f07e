"""The site's own settings: secrets, mail, pages, schema, people."""

import socket
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.models import User
from exchange_site.ops import roles
from exchange_site.ops.doctor.checks import Problem, check, warning

MIN_SECRET = 32
SMTP = "django.core.mail.backends.smtp.EmailBackend"
WEAK = ("unused", "secret", "changeme", "django-insecure", "password")


@check("secrets")
def secrets() -> Iterator[Problem]:
    make = 'python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    if len(settings.SECRET_KEY) < MIN_SECRET or any(settings.SECRET_KEY.startswith(weak) for weak in WEAK):
        yield Problem("SECRET_KEY is short or a known word.", f"Set a new one: {make}")
    for name in ("REDIS_LOG_URL", "REDIS_FAN_URL"):
        if "@" not in getattr(settings, name) and not settings.DEMO_MODE:
            yield Problem(
                f"{name} has no password.", "Set requirepass or ACL users in Redis and put it into the address."
            )
    if not settings.DATABASES["default"].get("PASSWORD") and not settings.DEMO_MODE:
        yield warning("DATABASE_URL has no password.", "Use one, unless PostgreSQL trusts this socket on purpose.")


@check("settings")
def site_settings() -> Iterator[Problem]:
    if settings.DEBUG:
        yield Problem("DEBUG is on.", "Use exchange_site.settings.production; DEBUG shows secrets to everybody.")
    if "*" in settings.ALLOWED_HOSTS:
        yield Problem("ALLOWED_HOSTS takes every host.", "List the site's host names.")
    if settings.ENGINE_CRASH_AT or settings.WALLET_CRASH_AT:
        yield Problem("A crash point of the tests is set.", "Unset ENGINE_CRASH_AT and WALLET_CRASH_AT.")
    if settings.DEMO_MODE:
        yield warning("EXCHANGE_DEMO is on: play money, faucet, demo logins.", "Unset it before real money comes near.")
        return
    if settings.STAFF_ONE_PERSON:
        yield warning("STAFF_ONE_PERSON is on.", "Unset it, and make a second member of staff.")
    if not settings.STAFF_SECOND_FACTOR:
        yield Problem("Staff needs no second factor.", "Set STAFF_SECOND_FACTOR=true.")
    if not settings.SESSION_COOKIE_SECURE or not settings.CSRF_COOKIE_SECURE:
        yield Problem("Cookies travel without TLS.", "Use exchange_site.settings.production.")
    if not settings.PUBLIC_URL.startswith("https://"):
        yield Problem(f"EXCHANGE_PUBLIC_URL is {settings.PUBLIC_URL}.", "Give it https://, as people see it.")


@check("migrations")
def migrations() -> Iterator[Problem]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{step.app_label}.{step.name}" for step, _ in plan[:3])
        yield Problem(f"{len(plan)} migrations are not applied: {names}.", "Run manage.py migrate.")
    known = set(executor.loader.disk_migrations)
    ours = {"accounts", "marketdata", "trading", "exchange_site"}
    newer = [key for key in executor.loader.applied_migrations if key[0] in ours and key not in known]
    if newer:
        yield Problem(f"The database is of a newer program ({newer[0][0]}.{newer[0][1]}).", "Start the newer program.")


@check("static files")
def static_files() -> Iterator[Problem]:
    if settings.STATIC_ROOT is None:
        missing = [name for name in ("css/tokens.css", "js/site.js") if finders.find(name) is None]
        if missing:
            yield Problem(f"Static files are missing: {', '.join(missing)}.", "Check the checkout: git status static/")
    elif not (Path(settings.STATIC_ROOT) / "staticfiles.json").exists():
        yield Problem(
            f"No static files are collected in {settings.STATIC_ROOT}.", "Run manage.py collectstatic --no-input."
        )
    if finders.find("vendor/lightweight-charts/lightweight-charts.standalone.production.js") is None:
        yield Problem("The chart library is not installed.", "Run npm ci --ignore-scripts.")


@check("mail")
def mail() -> Iterator[Problem]:
    if settings.EMAIL_BACKEND != SMTP:
        if not settings.DEMO_MODE:
            yield Problem(f"Mail goes to {settings.EMAIL_BACKEND}.", f"Set EMAIL_BACKEND to {SMTP}.")
        return
    try:
        socket.create_connection((settings.EMAIL_HOST, settings.EMAIL_PORT), timeout=3).close()
    except OSError as error:
        yield Problem(
            f"The mail server {settings.EMAIL_HOST}:{settings.EMAIL_PORT} does not answer ({error}).",
            "Correct EMAIL_HOST and EMAIL_PORT: without mail nobody confirms an address or a withdrawal.",
        )
    if settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield Problem(
            f"Mail comes from {settings.DEFAULT_FROM_EMAIL}.", "Set DEFAULT_FROM_EMAIL to an address of yours."
        )


@check("roles and staff")
def staff() -> Iterator[Problem]:
    from django.contrib.auth.models import Group

    missing = set(roles.ROLES) - set(Group.objects.values_list("name", flat=True))
    if missing:
        yield Problem(f"Roles are missing: {', '.join(sorted(missing))}.", "Run manage.py roles sync.")
    active = User.objects.filter(is_staff=True, is_active=True)
    if not active.exists():
        yield Problem("There is no active member of staff.", "Make one: manage.py create_user EMAIL --staff")
    elif active.count() == 1 and not settings.STAFF_ONE_PERSON:
        yield warning(
            "There is one member of staff, so nobody can approve.", "Make a second: manage.py create_user --staff"
        )
