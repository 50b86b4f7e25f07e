"""The doctor names what is wrong and how to mend it. Each fault here is planted, found, and absent before."""

import json
import socket
import time
from collections import namedtuple
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from accounts.audit.models import AuditEntry
from accounts.database_rights import ROLES
from exchange_site.celery import app as celery
from exchange_site.kernel.redis_client import fan_client
from exchange_site.kernel.redis_names import ENGINE, MARKET_FEED, USER_FEED, feed_lease
from exchange_site.ops.doctor import checks, host, servers
from marketdata.storage import partitions
from marketdata.storage.tables import Shape
from matching.runtime import snapshots

pytestmark = pytest.mark.django_db


@pytest.fixture
def fine(settings, tmp_path, log, monkeypatch):
    """An installation with nothing wrong in what the planted faults touch."""
    for name in ("JOURNAL_DIR", "SNAPSHOT_DIR"):
        folder = tmp_path / name
        folder.mkdir(mode=0o700)
        setattr(settings, name, folder)
    settings.HOME_DIR = tmp_path
    settings.AUDIT_HEADS_FILE = str(tmp_path / "heads.txt")
    settings.SECRET_KEY = "k" * 48
    settings.SIGNER_DIR = ""
    from exchange_site.ops import roles

    roles.sync()
    monkeypatch.setattr(celery.control, "ping", lambda **_: [{"celery@here": {"ok": "pong"}}])
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")  # Tests do without, to be quick.
    client = fan_client()
    for stream in (MARKET_FEED, USER_FEED):
        client.set(feed_lease(stream), "here", px=600_000)
    client.close()
    log.hset(ENGINE, mapping={"term": 1, "n": 5, "db_n": 5, "status": "open", "lease_until_ms": 2**50, "ahead_ms": 0})
    return settings


def said_by(name):
    [result] = checks.run({name})
    return [problem.said for problem in result.problems]


FAULTS = {}


def fault(name, text):
    """`text` is in what the check `name` says once the fault is planted."""

    def register(plant):
        FAULTS[plant.__name__] = (name, text, plant)
        return plant

    return register


@fault("python", "Python 3.10.0")
def old_python(settings, monkeypatch, log):
    monkeypatch.setattr(host.sys, "version_info", (3, 10, 0))
    monkeypatch.setattr(host.sys, "version", "3.10.0 (main)")


@fault("packages", "django-hijack is not installed")
def missing_package(settings, monkeypatch, log):
    def version(name):
        if name == "django-hijack":
            raise host.PackageNotFoundError(name)
        return next(iter(host._locked()[name]))

    monkeypatch.setattr(host, "version", version)


@fault("packages", "the lock file says")
def other_version(settings, monkeypatch, log):
    monkeypatch.setattr(host, "version", lambda name: "0.0.1")


@fault("time-shaped tables", "are in no month's partition")
def months_not_made(settings, monkeypatch, log):
    state = partitions.State("marketdata_trade", Shape.PARTITIONS, 9, partitions=1, last_month="202001", in_default=7)
    monkeypatch.setattr(partitions, "states", lambda: [state])


@fault("clock", "The clock of PostgreSQL")
def wrong_clock(settings, monkeypatch, log):
    now = time.time()
    monkeypatch.setattr(host.time, "time", lambda: now + 90)


@fault("time zone", "TIME_ZONE is")
def other_time_zone(settings, monkeypatch, log):
    settings.TIME_ZONE = "Europe/Berlin"


@fault("folders", "There is no folder")
def missing_journal(settings, monkeypatch, log):
    settings.JOURNAL_DIR = settings.HOME_DIR / "nowhere"


@fault("folders", "Everybody may write to")
def open_folder(settings, monkeypatch, log):
    settings.JOURNAL_DIR.chmod(0o777)


@fault("folders", "Others may read")
def readable_secrets(settings, monkeypatch, log):
    path = settings.HOME_DIR / "secrets.json"
    path.write_text("{}")
    path.chmod(0o644)


@fault("disk space", "MB are free")
def full_disk(settings, monkeypatch, log):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(host.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 10**6))


@fault("disk speed", "Syncing 4 KiB")
def slow_disk(settings, monkeypatch, log):
    monkeypatch.setattr(host, "_sync_times", lambda folder: iter([0.2] * 20))


@fault("limits of the system", "A process may open 256 files")
def few_files(settings, monkeypatch, log):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda which: (256, 256))


@fault("redis of the log", "REDIS_LOG_URL does not answer")
def redis_away(settings, monkeypatch, log):
    settings.REDIS_LOG_URL = "redis://127.0.0.1:9/0"


@fault("redis of the log", "evicts keys")
def evicting_redis(settings, monkeypatch, log):
    log.config_set("maxmemory-policy", "allkeys-lru")


@fault("redis of the rest", "One Redis serves the log and everything else")
def one_redis(settings, monkeypatch, log):
    settings.DEMO_MODE = False
    settings.REDIS_FAN_URL = settings.REDIS_LOG_URL.rpartition("/")[0] + "/1"


@fault("postgresql", "PostgreSQL is 1")
def other_postgresql(settings, monkeypatch, log):
    monkeypatch.setattr(servers, "OLDEST_POSTGRES", 99)


@fault("postgresql", "PostgreSQL takes 1")
def few_connections(settings, monkeypatch, log):
    monkeypatch.setattr(servers, "MIN_CONNECTIONS", 10_000)


@fault("database triggers", "stays of the audit log is off")
def audit_trigger_off(settings, monkeypatch, log):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_auditentry DISABLE TRIGGER stays")


@fault("secrets", "SECRET_KEY is short")
def weak_secret(settings, monkeypatch, log):
    settings.SECRET_KEY = "secret"


@fault("settings", "DEBUG is on")
def debug(settings, monkeypatch, log):
    settings.DEBUG = True


@fault("settings", "takes every host")
def every_host(settings, monkeypatch, log):
    settings.ALLOWED_HOSTS = ["*"]


@fault("settings", "A crash point")
def crash_point(settings, monkeypatch, log):
    settings.ENGINE_CRASH_AT = "after_journal"


@fault("settings", "Staff needs no second factor")
def no_second_factor(settings, monkeypatch, log):
    settings.DEMO_MODE = False
    settings.STAFF_SECOND_FACTOR = False


@fault("migrations", "migrations are not applied: exchange_site.0002_job_runs")
def not_migrated(settings, monkeypatch, log):
    MigrationRecorder(connection).record_unapplied("exchange_site", "0002_job_runs")


@fault("migrations", "of a newer program (accounts.9999_future)")
def newer_database(settings, monkeypatch, log):
    MigrationRecorder(connection).record_applied("accounts", "9999_future")


@fault("static files", "No static files are collected")
def not_collected(settings, monkeypatch, log):
    settings.STATIC_ROOT = settings.HOME_DIR / "static"


@fault("mail", "The mail server 127.0.0.1:9 does not answer")
def no_mail(settings, monkeypatch, log):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9


@fault("roles and staff", "Roles are missing: treasury")
def missing_role(settings, monkeypatch, log):
    Group.objects.get(name="treasury").delete()


@fault("audit log", "row 1: its content is not what its hash says")
def tampered_audit_log(settings, monkeypatch, log):
    AuditEntry.objects.create(action="x", subject="x")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE accounts_auditentry SET reason = 'y'")
        cursor.execute("SET session_replication_role = DEFAULT")


@fault("snapshots", "cannot be read")
def damaged_snapshot(settings, monkeypatch, log):
    snapshots.snapshot_path(settings.SNAPSHOT_DIR, 7).write_bytes(b"exchange snapshot 1\nnot one")


@fault("journal", "The journal is damaged")
def damaged_journal(settings, monkeypatch, log):
    golden = Path(live_settings.BASE_DIR) / "matching/tests/golden/v1/journal"
    for path in golden.iterdir():
        (settings.JOURNAL_DIR / path.name).write_bytes(path.read_bytes())
    first = min(settings.JOURNAL_DIR.iterdir())
    damaged = bytearray(first.read_bytes())
    damaged[len(damaged) // 3] ^= 0xFF
    first.write_bytes(bytes(damaged))


@fault("signer", "Others may read")
def readable_keys(settings, monkeypatch, log):
    folder = settings.HOME_DIR / "signer"
    folder.mkdir(mode=0o700)
    (folder / "key").write_text("x")
    (folder / "key").chmod(0o644)


@fault("engine", "No engine leads")
def no_engine(settings, monkeypatch, log):
    log.hset(ENGINE, "lease_until_ms", 1)


@fault("engine", "The engine is cancel_only")
def engine_takes_only_cancels(settings, monkeypatch, log):
    log.hset(ENGINE, "status", "cancel_only")


@fault("database writer", "95000 outcomes behind")
def writer_behind(settings, monkeypatch, log):
    log.hset(ENGINE, "n", 95_005)


@fault("redis streams", "commands wait for the engine")
def backlog(settings, monkeypatch, log):
    log.hset(ENGINE, mapping={"admitted": 50_000, "processed": 10})


@fault("ports", "is taken")
def port_taken(settings, monkeypatch, log):
    taken = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr(settings, "_taken", taken, raising=False)  # Kept open as long as the fault.
    settings.METRICS_HOST, settings.METRICS_PORT = "127.0.0.1", taken.getsockname()[1]


@fault("time zone", "Sessions of PostgreSQL are in Asia/Tokyo")
def database_in_another_zone(settings, monkeypatch, log):
    with connection.cursor() as cursor:
        cursor.execute("SET timezone = 'Asia/Tokyo'")


@fault("postgresql", "synchronous_commit = off")
def commits_that_are_not_waited_for(settings, monkeypatch, log):
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")


@fault("database roles", "exchange_web may UPDATE trading_fill.")
def web_may_write_what_the_engine_decided(settings, monkeypatch, log):
    for role, setting in ROLES.items():
        setattr(settings, setting, f"postgresql://{role}:a-password@localhost/unused")
    call_command("app_role")
    with connection.cursor() as cursor:
        cursor.execute("GRANT UPDATE ON trading_fill TO exchange_web")


@fault("feeds", "No market_feed runs")
def no_feed(settings, monkeypatch, log):
    client = fan_client()
    client.delete(feed_lease(MARKET_FEED))
    client.close()


@fault("celery", "No Celery worker answers")
def no_worker(settings, monkeypatch, log):
    monkeypatch.setattr(celery.control, "ping", lambda **_: [])


@fault("mail", "Mail comes from exchange@localhost")
def mail_from_nowhere(settings, monkeypatch, log):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    settings.DEFAULT_FROM_EMAIL = "exchange@localhost"


@fault("signer", "There is no folder")
def lost_keys(settings, monkeypatch, log):
    settings.SIGNER_DIR = str(settings.HOME_DIR / "nowhere")


ASKED_FOR = {
    "versions": {"python", "packages", "postgresql", "redis of the log"},
    "ports": {"ports"},
    "permissions": {"folders", "signer", "database roles"},
    "clock": {"clock"},
    "disk fsync time": {"disk speed"},
    "Redis policies": {"redis of the log"},
    "PostgreSQL settings": {"postgresql"},
    "migrations": {"migrations"},
    "static files": {"static files"},
    "workers alive": {"engine", "database writer", "feeds", "celery"},
    "journal and snapshots readable": {"journal", "snapshots"},
    "mail": {"mail"},
    "secrets": {"secrets"},
    "time zone": {"time zone"},
}
"""What the doctor has to see, and the checks that do."""


def test_there_are_at_least_twenty_faults_of_everything_it_has_to_see():
    planted = {name for name, _, _ in FAULTS.values()}
    assert len(FAULTS) >= 20
    checks.run(set())  # Registers them.
    assert planted == checks.CHECKS.keys(), "a check that no fault proves"
    for subject, names in ASKED_FOR.items():
        assert names <= planted, subject


@pytest.mark.parametrize("planted", sorted(FAULTS))
def test_a_planted_fault_is_named(planted, fine, monkeypatch, log):
    name, text, plant = FAULTS[planted]
    assert not [said for said in said_by(name) if text in said], "it must not be there before"
    policy = log.config_get("maxmemory-policy")["maxmemory-policy"]
    try:
        plant(fine, monkeypatch, log)
        [result] = checks.run({name})
        found = [problem for problem in result.problems if text in problem.said]
        assert found, [problem.said for problem in result.problems]
        assert found[0].mend
    finally:
        log.config_set("maxmemory-policy", policy)


def test_a_sound_journal_has_nothing_to_mend(fine):
    golden = Path(live_settings.BASE_DIR) / "matching/tests/golden/v1"
    fine.JOURNAL_DIR, fine.SNAPSHOT_DIR = golden / "journal", golden / "snapshots"
    assert said_by("journal") == []


def test_the_exit_code_says_whether_something_is_wrong(fine, capsys):
    call_command("doctor", "--only", "time zone", "--json")
    assert json.loads(capsys.readouterr().out) == [{"check": "time zone", "fine": True, "problems": []}]
    fine.TIME_ZONE = "Asia/Tokyo"
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--only", "time zone")
    assert ended.value.code == 1
    assert '-> Set TIME_ZONE = "UTC"' in capsys.readouterr().out


def test_a_check_that_breaks_is_a_problem_and_not_the_end(fine, monkeypatch):
    monkeypatch.setattr(host, "_locked", lambda: 1 / 0)
    [result] = checks.run({"packages"})
    assert "This could not be checked" in result.problems[0].said
