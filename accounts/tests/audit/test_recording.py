"""What gets into the audit log by itself, what staff sees of it, and that rows of older versions are chained."""

import csv

import pytest
from django.contrib.auth import authenticate
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from accounts.audit.models import AuditEntry
from accounts.audit.verify import first_wrong
from accounts.models import User
from accounts.services import create_user
from marketdata.admin_export import cell


@pytest.fixture
def staff(db, client):
    client.force_login(create_user("operator@example.org", "correct horse battery", staff=True))
    return client


def test_logging_in_and_failing_to_are_on_record(db, client):
    create_user("alice@example.org", "correct horse battery")
    login = reverse("account_login")
    client.post(login, {"login": "alice@example.org", "password": "wrong"})
    client.post(login, {"login": "alice@example.org", "password": "correct horse battery"})
    client.post(reverse("account_logout"))
    rows = AuditEntry.objects.order_by("number").values_list("action", "subject", "actor_name", "ip_address")
    assert list(rows) == [
        ("login.failed", "alice@example.org", "", "127.0.0.1"),
        ("login", "alice@example.org", "alice@example.org", "127.0.0.1"),
        ("logout", "alice@example.org", "alice@example.org", "127.0.0.1"),
    ]


def test_a_failed_login_without_a_request_is_on_record_too(db):
    assert authenticate(email="nobody@example.org", password="wrong") is None
    assert not AuditEntry.objects.filter(action="login").exists()


def test_the_log_can_be_searched_and_exported(staff):
    for number in range(3):
        AuditEntry.objects.create(action="market.state", subject=f"=M{number}_USDC", details={"n": number})
    listing = reverse("admin:accounts_auditentry_changelist")
    page = staff.get(listing, {"q": "M1_USDC"}).content.decode()
    assert "=M1_USDC" in page
    assert "=M2_USDC" not in page
    answer = staff.get(reverse("admin:accounts_auditentry_export"), {"q": "M1_USDC"})
    lines = list(csv.reader(b"".join(answer.streaming_content).decode().splitlines()))
    assert lines[0][:2] == ["number", "at"]
    assert ["'=M1_USDC" in line for line in lines].count(True) == 1, "a spreadsheet must not run it"
    assert not any("M2_USDC" in cell for line in lines for cell in line)
    assert AuditEntry.objects.latest("number").action == "export"
    assert staff.get(reverse("admin:accounts_auditentry_change", args=[1])).status_code == 200


@pytest.mark.parametrize(
    ("value", "shown"),
    [("=1+1", "'=1+1"), ("-2", "-2"), ("+1.5", "+1.5"), ("@x", "'@x"), ("-x", "'-x"), (None, ""), ("a\0b", "ab")],
)
def test_a_cell_is_no_formula(value, shown):
    assert cell(value) == shown


@pytest.mark.django_db(transaction=True)
def test_rows_of_older_versions_are_chained_and_faucet_tries_keep_their_numbers():
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()  # Of every app: others build on ours and go back with it.
    executor.migrate([("accounts", "0008_wallet_states")])
    try:
        old = executor.loader.project_state([("accounts", "0008_wallet_states")]).apps
        eve = old.get_model("accounts", "User").objects.create(email="eve@example.org")
        account = old.get_model("accounts", "Account").objects.create(id=1001, user=eve, kind="user")
        entries = old.get_model("accounts", "AuditEntry")
        entries.objects.create(action="market.state", subject="SOL_USDC: Open", actor=eve, ip_address="10.0.0.1")
        faucet = entries.objects.create(action="account.faucet", subject=str(account.pk), actor=eve)
        entries.objects.create(action="venue.stop", subject="all trading", reason="odd prices")
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(newest)
    rows = AuditEntry.objects.order_by("number").values_list("number", "action", "actor_name")
    assert list(rows) == [(1, "market.state", "eve@example.org"), (2, "venue.stop", "")]
    assert first_wrong() is None
    from accounts.models import Account, FaucetTry

    assert FaucetTry.objects.get().pk == faucet.pk
    assert FaucetTry.objects.create(account=Account.objects.get(pk=1001)).pk > faucet.pk
    assert User.objects.count() == 1
