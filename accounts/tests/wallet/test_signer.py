"""The signer: what it refuses whatever a row says, what it remembers, and what stops it."""

from django.db import connection
from django.utils import timezone

from accounts.tests.wallet.rig import OUTSIDE, SOL, paid, refusal, state_of
from accounts.wallet import alarms, deposits
from accounts.wallet.models import AssetNetwork, WalletAlarm, Withdrawal
from accounts.wallet.signer import Signer


def test_the_signer_believes_no_state(rig, signer):
    """Somebody with the web's database role sets the state by hand."""
    AssetNetwork.objects.update(approval_above_units=4 * SOL)
    rig.trust()
    row = rig.ask("5")
    Withdrawal.objects.filter(pk=row.pk).update(state="approved")
    assert signer.run_once() == 0
    assert "2 operators" in WalletAlarm.objects.get(code=alarms.SIGNER).detail
    fake = Withdrawal.objects.create(
        account=rig.alice, network=rig.network, units=SOL, fee_units=0, address=OUTSIDE, not_before=timezone.now(),
        needs_mail=False, state="approved",
    )  # fmt: skip
    assert signer.run_once() == 0
    assert "not reserved" in WalletAlarm.objects.get(subject=str(fake)).detail
    assert paid() == []


def test_the_signers_own_limit(rig, signer, settings):
    rig.trust()
    settings.SIGNER_DAILY_VALUE_CENTS = 150
    rows = [rig.ask("1", client_id=str(number)) for number in range(2)]
    Withdrawal.objects.update(value_cents=100)
    rig.advance()
    assert signer.run_once() == 1
    assert sorted(state_of(row) for row in rows) == ["approved", "sent"]


def test_an_empty_wallet_is_an_alarm_and_the_money_stays_reserved(rig):
    signer = Signer()
    rig.trust()
    row = rig.ask("5")
    rig.advance()
    assert signer.run_once() == 0
    assert state_of(row) == "signed"
    assert WalletAlarm.objects.filter(code=alarms.SIGNER).exists()
    rig.chain.send(deposits.chain_of("Solana").wallet_address(), "SOL", 100 * SOL, memo=deposits.TREASURY_MEMO)
    rig.chain.mine()
    assert signer.run_once() == 1
    signer.journal.close()


def test_a_payment_that_a_reorganisation_forgot_is_sent_again(rig, signer):
    rig.trust()
    row = rig.ask("5")
    rig.advance()
    signer.run_once()
    rig.chain.mine(2)
    rig.chain.reorganise(2, keep=False)
    rig.chain.evict(Withdrawal.objects.get().transaction_hash)
    signer.run_once()
    rig.chain.mine(3)
    rig.advance()
    assert state_of(row) == "settled"
    assert len(paid()) == 1


def test_f12_a_signer_that_remembers_more_than_the_database_stops(rig, signer):
    rig.trust()
    rig.ask("5")
    rig.advance()
    signer.run_once()
    with connection.cursor() as cursor:  # As in a database from before; the ledger's own rules would not let it be.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE accounts_withdrawal CASCADE")
        cursor.execute("SET session_replication_role = DEFAULT")
    signer.journal.close()
    again = Signer()
    assert WalletAlarm.objects.get(code=alarms.SIGNER).stops
    assert again.run_once() == 0
    again.journal.close()


def test_while_the_wallet_is_stopped_nothing_moves(rig, signer):
    rig.trust()
    row = rig.ask("5")
    alarms.raise_alarm("test", "x", "y", stops=True)
    assert refusal(rig, "1").kind.code == "MAINTENANCE"
    rig.advance()
    assert state_of(row) == "reserved"
    alarms.resolve(WalletAlarm.objects.get(), by=rig.staff("op@example.org"), reason="looked at")
    rig.advance()
    assert state_of(row) == "approved"
    alarms.raise_alarm("test", "x", "y", stops=True)
    assert signer.run_once() == 0
