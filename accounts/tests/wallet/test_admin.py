"""Decisions of operators in the admin: with a reason, attributed, never about their own."""

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.tests.wallet.rig import SOL
from accounts.wallet import alarms
from accounts.wallet.deposits import chain_of
from accounts.wallet.models import AssetNetwork, Deposit, WalletAlarm, Withdrawal


@pytest.fixture
def operator(rig, client):
    client.force_login(rig.staff("op@example.org"))
    return client


def decision(name, row):
    return reverse(f"admin:accounts_{name}", args=[row.pk])


def test_lists_and_rows_open(rig, operator):
    rig.trust()
    row = rig.ask()
    alarms.raise_alarm("test", "x", "y", stops=False)
    models = ("withdrawal", "deposit", "walletalarm", "assetnetwork", "outboxcommand", "depositaddress",
              "withdrawaladdress", "withdrawalfreeze")  # fmt: skip
    for model in models:
        assert operator.get(f"/admin/accounts/{model}/").status_code == 200, model
    assert operator.get(f"/admin/accounts/withdrawal/{row.pk}/change/").status_code == 200
    assert operator.post(f"/admin/accounts/withdrawal/{row.pk}/change/", {"state": "approved"}).status_code == 403


def test_two_operators_approve_and_one_rejects(rig, operator, client):
    AssetNetwork.objects.update(approval_above_units=SOL)
    rig.trust()
    first, second = rig.ask("5", client_id="a"), rig.ask("6", client_id="b")
    operator.post(decision("withdrawal_approve", first), {"reason": ""})
    assert first.approvals.count() == 0
    for _ in range(2):
        operator.post(decision("withdrawal_approve", first), {"reason": "known customer"})
    rig.advance()
    assert Withdrawal.objects.get(pk=first.pk).state == "reserved"
    client.force_login(rig.staff("op2@example.org"))
    client.post(decision("withdrawal_approve", first), {"reason": "called her"})
    client.post(decision("withdrawal_reject", second), {"reason": "odd"})
    rig.advance()
    assert Withdrawal.objects.get(pk=first.pk).state == "approved"
    assert Withdrawal.objects.get(pk=second.pk).state == "released"
    entries = AuditEntry.objects.filter(action__startswith="wallet.withdrawal").values_list("actor__email", "reason")
    assert set(entries) == {
        ("op@example.org", "known customer"), ("op2@example.org", "called her"), ("op2@example.org", "odd"),
    }  # fmt: skip


def test_a_lost_deposit_finds_its_owner_and_an_alarm_is_closed(rig, operator):
    rig.chain.send(chain_of("Solana").wallet_address(), "SOL", SOL, memo="?")
    rig.chain.mine(3)
    rig.scan()
    row = Deposit.objects.get()
    operator.post(decision("deposit_assign", row), {"reason": "mail of her", "account": rig.alice.pk})
    rig.scan()
    assert Deposit.objects.get().state == "credited"
    alarms.raise_alarm("test", "x", "y", stops=True)
    alarm = WalletAlarm.objects.get()
    operator.post(decision("walletalarm_resolve", alarm), {"reason": "looked"})
    assert alarms.stopped_by() is None


def test_staff_without_the_right_cannot_decide(rig, client):
    AssetNetwork.objects.update(approval_above_units=SOL)
    rig.trust()
    row = rig.ask()
    user = rig.staff("clerk@example.org")
    user.is_superuser = False
    user.save()
    client.force_login(user)
    assert client.post(decision("withdrawal_approve", row), {"reason": "x"}).status_code == 403
    assert row.approvals.count() == 0
