"""The chains hold what is owed at every moment of a deposit and a withdrawal; a missing coin is named."""

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Account, Balance
from accounts.tests.wallet.rig import SOL
from accounts.wallet import deposits
from accounts.wallet.holdings import holdings
from accounts.wallet.models import WalletAlarm
from accounts.wallet.signer import Signer


def missing(rig) -> int:
    """After the db writer has written every balance of the engine."""
    for account in Account.objects.all():
        available, locked = rig.held(account)
        amounts = {"available_units": available, "locked_units": locked}
        Balance.objects.update_or_create(account=account, asset=rig.sol, defaults=amounts)
    [row] = holdings()
    return row.missing


@pytest.fixture
def backed(rig):
    """What the engine has in the beginning is on the chain."""
    address = deposits.chain_of("Solana").wallet_address()
    rig.chain.send(address, "SOL", rig.funded(), memo=deposits.TREASURY_MEMO)
    rig.chain.mine()
    return rig


def test_it_adds_up_at_every_moment(backed):
    rig = backed
    assert missing(rig) == 0
    rig.chain.send(deposits.address_of(rig.alice, "Solana").address, "SOL", 3 * SOL)
    for _ in range(4):
        rig.scan()
        assert missing(rig) == 0
        rig.chain.mine()
    rig.trust()
    rig.ask("5")
    signer = Signer()
    for _ in range(5):
        rig.advance()
        assert missing(rig) == 0
        signer.run_once()
        assert missing(rig) == 0
        rig.chain.mine()
    signer.journal.close()
    assert rig.held(rig.alice)[1] == 0
    call_command("reconcile_wallet")


def test_a_missing_coin_is_named_and_can_stop_the_wallet(backed, capsys):
    rig = backed
    assert missing(rig) == 0
    row = Balance.objects.get(account=rig.alice, asset=rig.sol)
    row.available_units += 7
    row.save()
    with pytest.raises(CommandError, match=r"0\.000000007 SOL"):
        call_command("reconcile_wallet", "--stop")
    assert WalletAlarm.objects.get().stops
