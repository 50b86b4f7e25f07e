"""The archive of an account: what is in it, that it proves itself, who gets it and for how long."""

import csv
import hashlib
import io
import json
import subprocess
import sys
import threading
import zipfile
from datetime import timedelta

import pytest
from django.conf import settings as configured
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from accounts.models import ApiKey, AuditEntry, User
from accounts.wallet.locks import only_one
from exchange_site.tests.api_rig import forget_caches
from trading import tasks
from trading.takeout import service
from trading.takeout.models import Takeout, TakeoutPart
from trading.tests.history.rig import PASSWORD, log_in

PROGRAM = configured.BASE_DIR / "static/verify/verify_takeout.py"
State = Takeout.State


def made(account):
    takeout = service.ask(account)
    assert tasks.make_takeouts() == 1
    takeout.refresh_from_db()
    assert takeout.state == State.READY, takeout.error
    return takeout


def archive_of(takeout):
    return b"".join(service.pieces(takeout))


def run(path):
    command = [sys.executable, "-I", "-S", str(PROGRAM), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def archive(story, tmp_path):
    """Alice's, as a file."""
    story.on("2025-02-01").trades("alice", "buy", "2.5", "SOL_USDC", "20.15", "bob", maker_fee_ppm=-200)
    story.on("2025-03-01").withdraws("alice", "1", "SOL", fee="0.01")
    story.deposit_row("alice", "20", "SOL")
    story.withdrawal_row("alice", "1", "SOL", address="=1+1")
    ApiKey.objects.create(account=story.people["alice"], public_key="A" * 43 + "=", name="bot")
    path = tmp_path / "archive.zip"
    path.write_bytes(archive_of(made(story.people["alice"])))
    return path


def rows(path, name):
    with zipfile.ZipFile(path) as opened:
        return list(csv.DictReader(io.StringIO(opened.read(name).decode())))


def test_it_has_everything_and_nothing_of_others(archive, story):
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        profile = json.loads(opened.read("profile.json"))
        content = b"".join(opened.read(name) for name in opened.namelist())
        assert opened.read("verify_takeout.py") == PROGRAM.read_bytes()
    assert profile["email"] == "alice@example.org"
    assert profile["outcome"] == str(story.seq)
    assert {name: len(rows(archive, f"{name}.csv")) for name in
            ("orders", "fills", "ledger", "deposits", "withdrawals", "api_keys", "balances", "sessions")} == {
        "orders": 2, "fills": 2, "ledger": 8, "deposits": 1, "withdrawals": 1, "api_keys": 1, "balances": 2,
        "sessions": 0,
    }  # fmt: skip
    assert rows(archive, "withdrawals.csv")[0]["address"] == "'=1+1"
    assert b"bob@example.org" not in content
    assert str(story.people["bob"].pk).encode() not in content
    assert story.people["alice"].user.password.encode() not in content


def test_its_program_adds_up_the_ledger_and_says_equal(archive):
    code, told = run(archive)
    assert code == 0, told
    assert told.count(": equal.") == 2
    assert "EQUAL: every balance is what the ledger adds up to." in told


def changed(path, name, edit, *, honest_manifest=True):
    """The archive with one file changed, and its manifest made to fit."""
    with zipfile.ZipFile(path) as opened:
        files = {each: opened.read(each) for each in opened.namelist()}
    files[name] = edit(files[name])
    if honest_manifest:
        manifest = json.loads(files["manifest.json"])
        manifest["files"][name] = hashlib.sha256(files[name]).hexdigest()
        files["manifest.json"] = json.dumps(manifest).encode()
    other = path.with_name("changed.zip")
    with zipfile.ZipFile(other, "w") as written:
        for each, data in files.items():
            written.writestr(each, data)
    return other


@pytest.mark.parametrize(
    ("name", "edit", "words"),
    [
        ("balances.csv", lambda data: data.replace(b"SOL,", b"SOL,1"), "NOT EQUAL"),
        ("ledger.csv", lambda data: data.replace(b",20,", b",21,", 1), "NOT EQUAL"),
        ("ledger.csv", lambda data: b"\r\n".join(data.split(b"\r\n")[:-2]) + b"\r\n", "NOT EQUAL"),
        ("ledger.csv", lambda data: data + data.split(b"\r\n")[-2] + b"\r\n", "not after the one before"),
        ("fills.csv", lambda data: data.replace(b",1.684,", b",1.685,"), "fees of the fills are NOT EQUAL"),
        ("ledger.csv", lambda data: data.replace(b",20,", b",2e1,", 1), "instead of an amount"),
    ],
)
def test_its_program_notices_every_change(archive, name, edit, words):
    code, told = run(changed(archive, name, edit))
    assert (code, words in told) == (1, True), told
    code, told = run(changed(archive, name, edit, honest_manifest=False))
    assert (code, "was changed after" in told) == (1, True), told


def test_its_program_reads_archives_only(archive, tmp_path):
    nothing = tmp_path / "nothing.zip"
    nothing.write_bytes(b"PK")
    assert run(nothing)[0] == 2
    assert run(tmp_path / "none.zip")[0] == 2


# ------------------------------------------------------------------------------------------------------- requests


def test_one_at_a_time_for_an_account_whoever_asks(story, settings):
    alice = story.people["alice"]
    first = service.ask(alice)
    with pytest.raises(service.NotNow, match="being made"):
        service.ask(alice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Takeout.objects.create(account=alice)
    service.ask(story.people["bob"])
    assert tasks.make_takeouts() == 2
    with pytest.raises(service.NotNow, match="after"):
        service.ask(alice)
    settings.TAKEOUT_EVERY_S = 0
    assert service.ask(alice).pk > first.pk


def test_one_that_was_left_by_a_killed_process_is_made_again(story):
    takeout = service.ask(story.people["alice"])
    Takeout.objects.filter(pk=takeout.pk).update(state=State.RUNNING, started_at=timezone.now())
    TakeoutPart.objects.create(takeout=takeout, number=0, data=b"half")
    assert tasks.make_takeouts() == 1
    takeout.refresh_from_db()
    assert takeout.state == State.READY
    assert archive_of(takeout)[:2] == b"PK"


def test_one_that_can_never_be_made_fails_in_words(story, settings):
    takeout = service.ask(story.people["alice"])
    settings.TAKEOUT_MAX_BYTES = 1000
    tasks.make_takeouts()
    takeout.refresh_from_db()
    assert (takeout.state, "too large" in takeout.error) == (State.FAILED, True)
    assert not TakeoutPart.objects.exists()
    with pytest.raises(service.NotNow, match="after"):  # The next one would be as large.
        service.ask(story.people["alice"])
    Takeout.objects.filter(pk=takeout.pk).update(requested_at=timezone.now() - timedelta(hours=2))
    settings.TAKEOUT_GIVEN_UP_S = 0
    other = service.ask(story.people["alice"])
    Takeout.objects.filter(pk=other.pk).update(state=State.RUNNING, started_at=timezone.now())
    tasks.make_takeouts()
    other.refresh_from_db()
    assert (other.state, other.error) == (State.FAILED, "It could not be made in time.")
    assert service.ask(story.people["alice"]).pk > other.pk  # That was not their fault.


def test_only_one_process_makes_archives(story):
    service.ask(story.people["alice"])
    held, go = threading.Event(), threading.Event()

    def other():
        with only_one("takeout"):
            held.set()
            go.wait(20)
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(20)
    assert tasks.make_takeouts() == 0
    go.set()
    thread.join(20)
    assert tasks.make_takeouts() == 1


def test_it_runs_out(story):
    takeout = made(story.people["alice"])
    Takeout.objects.filter(pk=takeout.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert service.ready(story.people["alice"], takeout.pk) is None
    tasks.make_takeouts()
    takeout.refresh_from_db()
    assert takeout.state == State.EXPIRED
    assert not TakeoutPart.objects.exists()


def test_progress_is_told_while_it_is_made(story, monkeypatch):
    takeout = service.ask(story.people["alice"])
    told = []
    tell = service._tell
    monkeypatch.setattr(service, "_tell", lambda pk, done: (tell(pk, done), told.append(service.progress(takeout))))
    tasks.make_takeouts()
    assert told == [(done, len(told)) for done in range(1, len(told) + 1)]


# ---------------------------------------------------------------------------------------------------------- pages


def fresh(client, account):
    """Logged in, and the password given again just now."""
    log_in(client, account)
    assert client.post("/accounts/reauthenticate/", {"password": PASSWORD}).status_code == 302


def test_the_page_asks_makes_and_hands_out(client, story):
    alice = story.people["alice"]
    log_in(client, alice)
    assert "None yet" in client.get("/account/archive").content.decode()
    answer = client.post("/account/archive", follow=True)
    assert "Waiting" in answer.content.decode()
    assert answer.headers["Refresh"] == "5"
    assert "being made already" in client.post("/account/archive", follow=True).content.decode()
    tasks.make_takeouts()
    text = client.get("/account/archive").content.decode()
    assert "Download" in text
    takeout = Takeout.objects.get()
    path = f"/account/archive/{takeout.pk}.zip"
    assert "/accounts/reauthenticate/" in client.get(path).headers["Location"]
    fresh(client, alice)
    answer = client.get(path)
    content = b"".join(answer.streaming_content)
    assert len(content) == takeout.size_bytes == int(answer.headers["Content-Length"])
    assert zipfile.is_zipfile(io.BytesIO(content))
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {"takeout.request", "takeout.download"}
    takeout.refresh_from_db()
    assert takeout.downloads == 1


def test_the_api_asks_and_tells_and_leaves_fetching_to_the_page(client, story):
    forget_caches()
    assert client.get("/wapi/v1/takeouts").status_code == 401
    log_in(client, story.people["alice"])
    assert client.get("/wapi/v1/takeouts").json() == []
    asked = client.post("/wapi/v1/takeouts", content_type="application/json")
    assert (asked.status_code, asked.json()["status"]) == (200, "waiting")
    again = client.post("/wapi/v1/takeouts", content_type="application/json")
    assert (again.status_code, again.json()["message"]) == (409, "An archive is being made already")
    tasks.make_takeouts()
    [row] = client.get("/wapi/v1/takeouts").json()
    takeout = Takeout.objects.get()
    assert (row["status"], row["sha256"], row["sizeBytes"]) == ("ready", takeout.sha256, takeout.size_bytes)
    assert AuditEntry.objects.get(action="takeout.request").actor == story.people["alice"].user
    log_in(client, story.people["bob"])
    assert client.get("/wapi/v1/takeouts").json() == []


def test_nobody_gets_somebody_elses(client, story):
    takeout = made(story.people["alice"])
    path = f"/account/archive/{takeout.pk}.zip"
    assert client.get("/account/archive").status_code == 302
    assert "/accounts/login" in client.get(path).headers["Location"]
    fresh(client, story.people["bob"])
    assert client.get(path).status_code == 404
    assert "None yet" in client.get("/account/archive").content.decode()
    staff = User.objects.create_superuser("operator@example.org", PASSWORD)
    client.force_login(staff, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert client.get("/account/archive").status_code == 404
    assert "alice@example.org" in client.get("/admin/trading/takeout/").content.decode()
    assert client.post(f"/admin/trading/takeout/{takeout.pk}/change/", {}).status_code == 403
