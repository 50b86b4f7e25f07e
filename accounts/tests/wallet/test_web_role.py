"""What a web process asks of the wallet works with its role, which may not write the wallet's ledger."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import ProgrammingError, connection

from accounts.ledger.models import WalletEntry
from accounts.tests.test_app_role import addresses  # noqa: F401 - a fixture.
from accounts.tests.wallet.rig import SOL
from accounts.tests.wallet.test_outbox import in_thread
from accounts.wallet import deposits, drainer, withdrawals
from accounts.wallet.drainer import drain
from accounts.wallet.models import Deposit

DEADLINE_S = 20


@contextmanager
def as_web() -> Iterator[None]:
    """The connection of this thread has only the rights of a web process meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE exchange_web")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


@pytest.fixture
def celery(addresses: dict[str, str], settings: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:  # noqa: F811
    """Another process with its own connection does what it is told; the tasks it was told of."""
    told: list[str] = []

    def wake(task: str) -> None:
        told.append(task)
        other = threading.Thread(target=in_thread, args=[drain])
        other.start()
        other.join(DEADLINE_S)

    settings.WALLET_DRAINS_HERE = False
    monkeypatch.setattr(drainer, "wake", wake)
    return told


def test_s29_a_withdrawal_is_asked_for_and_cancelled_with_the_role_of_the_web(rig, celery):
    rig.trust()
    with as_web():
        row = rig.ask("1")
        assert row.state == "reserved"
        assert celery == [drainer.DRAIN]
        withdrawals.cancel(rig.alice, row.pk)
    drain()
    row.refresh_from_db()
    assert row.state == "released"
    assert list(WalletEntry.objects.filter(withdrawal=row).values_list("kind", flat=True)) == ["reserved", "ended"]


def test_a_web_process_that_did_it_itself_would_be_refused_and_nothing_is_lost(rig, celery, settings):
    settings.WALLET_DRAINS_HERE = True
    rig.trust()
    with pytest.raises(ProgrammingError, match="permission denied for table accounts_walletentry"), as_web():
        rig.ask("1")
    drain()
    assert rig.alice.withdrawals.get().state == "reserved"


def test_s29_a_lost_deposit_is_given_its_owner_with_the_role_of_the_web(rig, celery):
    rig.chain.send(deposits.chain_of("Solana").wallet_address(), "SOL", 2 * SOL, memo="A999")
    rig.chain.mine(3)
    rig.scan()
    with as_web():
        deposits.assign(Deposit.objects.get(account=None).pk, rig.bob)
    rig.scan()
    assert Deposit.objects.get(account=rig.bob, units=2 * SOL).state == "credited"
