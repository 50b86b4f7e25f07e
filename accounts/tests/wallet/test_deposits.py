"""Deposits on a chain that does everything to us: credited once, taken back, credited again."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command

from accounts.ledger.models import WalletEntry
from accounts.tests.wallet.rig import SOL
from accounts.tests.wallet.test_outbox import in_thread
from accounts.wallet import book, deposits
from accounts.wallet.chain import Incoming
from accounts.wallet.models import AssetNetwork, Deposit, WalletAlarm
from accounts.wallet.simulated.addresses import is_valid
from matching.messages import CreditDeposit, DebitAccount, ReserveWithdrawal


@pytest.fixture
def address(rig):
    return deposits.address_of(rig.alice, "Solana").address


def credits(rig) -> list[CreditDeposit]:
    return [command for command in rig.engine.seen if isinstance(command, CreditDeposit)]


def pay(rig, address, amount=SOL, **more):
    return rig.chain.send(address, "SOL", amount, **more)


def test_an_address_is_stable_and_nobody_elses(rig, address):
    assert deposits.address_of(rig.alice, "Solana").address == address
    assert deposits.address_of(rig.bob, "Solana").address != address
    assert deposits.address_of(rig.alice, "Bitcoin").address != address
    assert is_valid("Solana", address)
    assert not is_valid("Solana", address[:-1] + ("a" if address[-1] != "a" else "b"))
    assert not is_valid("Bitcoin", address)
    with pytest.raises(KeyError):
        deposits.address_of(rig.alice, "Nowhere")


def test_a_deposit_is_shown_at_once_and_credited_after_its_confirmations(rig, address):
    before = rig.held(rig.alice)[0]
    pay(rig, address)
    rig.scan()
    assert (rig.deposit().state, rig.deposit().confirmations) == ("pending", 0)
    for confirmations in (1, 2):
        rig.chain.mine()
        rig.scan()
        assert (rig.deposit().state, rig.deposit().confirmations) == ("pending", confirmations)
    rig.chain.mine()
    rig.scan()
    assert rig.deposit().state == "credited"
    assert rig.held(rig.alice)[0] == before + SOL


def test_a_deposit_delivered_five_times_reorganised_and_delivered_again_is_credited_once(rig, address):
    before = rig.held(rig.alice)[0]
    sent = pay(rig, address)
    rig.chain.mine(3)
    for _ in range(5):
        rig.scan()
    assert rig.held(rig.alice)[0] == before + SOL
    rig.chain.reorganise(3, keep=True)  # Mined again in the other branch before anybody looked.
    for _ in range(5):
        rig.scan()
    assert rig.held(rig.alice)[0] == before + SOL
    rig.chain.reorganise(4, keep=False)  # Out of every block, but every node still offers it.
    rig.scan()
    assert (rig.deposit().state, rig.deposit().confirmations) == ("credited", 0)
    rig.chain.evict(sent.pk)  # Now nobody knows it any more: the credit is taken back.
    for _ in range(5):
        rig.scan()
    assert (rig.deposit().state, rig.held(rig.alice)[0]) == ("reversed", before)
    rig.chain.send_again(sent.pk)  # And it comes once more.
    rig.chain.mine(3)
    for _ in range(5):
        rig.scan()
    assert (rig.deposit().state, rig.deposit().round) == ("credited", 2)
    assert rig.held(rig.alice)[0] == before + SOL
    assert Deposit.objects.count() == 1
    assert len({command.deposit_id for command in credits(rig)}) == 2


def test_undone_before_its_credit_it_never_counts(rig, address):
    before = rig.held(rig.alice)[0]
    sent = pay(rig, address)
    rig.chain.mine(2)
    rig.scan()
    rig.chain.reorganise(2, double=sent.pk, longer_by=5)
    rig.scan()
    assert (rig.deposit().state, rig.deposit().on_chain) == ("pending", False)
    assert rig.held(rig.alice)[0] == before
    assert credits(rig) == []


def test_spent_twice_after_its_credit_it_is_taken_back_and_leaves_the_venue(rig, address):
    before, funded = rig.held(rig.alice)[0], rig.funded()
    sent = pay(rig, address)
    rig.chain.mine(3)
    rig.scan()
    assert rig.funded() == funded + SOL
    rig.chain.reorganise(3, double=sent.pk)
    rig.scan()
    rig.scan()
    assert (rig.deposit().state, rig.held(rig.alice)[0]) == ("reversed", before)
    assert rig.funded() == funded
    assert WalletAlarm.objects.filter(code="deposit_gone", stops=False).count() == 1


def test_what_was_already_used_is_the_houses_loss(rig, address):
    """Alice has locked everything; the house pays, and an operator hears of it."""
    funded = rig.funded()
    sent = pay(rig, address)
    rig.chain.mine(3)
    rig.scan()
    available = rig.held(rig.alice)[0]
    rig.show_balances()
    rig.trust()
    rig.ask(rig.sol.spec().format(available))
    rig.chain.reorganise(3, double=sent.pk)
    rig.scan()
    rig.scan()
    assert rig.deposit().state == "lost"
    assert WalletAlarm.objects.filter(code="deposit_lost").exists()
    assert rig.held(rig.alice) == (0, available)
    assert rig.funded() == funded
    assert any(isinstance(command, DebitAccount) for command in rig.engine.seen)
    assert sum(isinstance(command, ReserveWithdrawal) for command in rig.engine.seen) == 1


def test_below_the_minimum_it_is_held_and_shown(rig, address):
    pay(rig, address, SOL // 100 - 1)
    pay(rig, address, SOL // 100)
    rig.chain.mine(10)
    rig.scan()
    small, enough = Deposit.objects.order_by("units")
    assert (small.state, small.held) == ("pending", "below_minimum")
    assert (enough.state, enough.held) == ("credited", "")
    assert len(credits(rig)) == 1


def test_dust_from_many_senders_changes_nothing(rig, address):
    for number in range(20):
        pay(rig, address, 1, sender=f"duster {number}")
    rig.chain.mine(10)
    rig.scan()
    assert credits(rig) == []
    assert Deposit.objects.filter(held="below_minimum").count() == 20


def test_a_wrong_memo_waits_for_an_operator_and_a_right_one_does_not(rig):
    common = deposits.chain_of("Solana").wallet_address()
    before = rig.held(rig.bob)[0]
    pay(rig, common, memo=deposits.memo_of(rig.bob))
    pay(rig, common, 2 * SOL, memo="A999")
    pay(rig, common, 2 * SOL, memo="")
    rig.chain.mine(3)
    rig.scan()
    assert rig.held(rig.bob)[0] == before + SOL
    lost = Deposit.objects.filter(held="unknown_memo", account=None)
    assert lost.count() == 2
    deposits.assign(lost.first().pk, rig.bob)
    rig.scan()
    assert rig.held(rig.bob)[0] == before + 3 * SOL


def test_dust_that_a_person_gave_an_owner_is_entered_as_dust_by_celery(rig):
    pay(rig, deposits.chain_of("Solana").wallet_address(), 5, memo="A999")
    rig.chain.mine(50)  # Final at once: no later look at the chain meets it again.
    rig.scan()
    row = Deposit.objects.get(units=5)
    deposits.assign(row.pk, rig.bob)
    entries = WalletEntry.objects.filter(deposit=row, payer="dust")
    assert not entries.exists()  # The person's process may not write the ledger.
    assert deposits.book_dust() == 1
    assert entries.get().payee == "deposits"
    assert deposits.book_dust() == 0


def test_several_outputs_of_one_transaction_are_several_deposits(rig, address):
    other = deposits.address_of(rig.bob, "Solana").address
    rig.chain.send_many([(address, "SOL", SOL, ""), (address, "SOL", 2 * SOL, ""), (other, "SOL", 3 * SOL, "")])
    rig.chain.mine(3)
    rig.scan()
    assert sorted(command.units for command in credits(rig)) == [SOL, 2 * SOL, 3 * SOL]


def test_assets_we_do_not_know_there_and_other_peoples_payments_are_nobodys_deposit(rig, address):
    rig.chain.send(address, "SHITCOIN", SOL)
    rig.chain.send("simsol1someone", "SOL", SOL)
    rig.chain.mine(3)
    rig.scan()
    assert not Deposit.objects.exists()


def test_closed_deposits_wait_until_they_are_open(rig, address):
    AssetNetwork.objects.update(deposit_enabled=False)
    pay(rig, address)
    rig.chain.mine(3)
    rig.scan()
    assert (rig.deposit().state, rig.deposit().held) == ("pending", "closed")
    AssetNetwork.objects.update(deposit_enabled=True)
    rig.scan()
    assert rig.deposit().state == "credited"


def test_f26_scans_in_many_processes_at_once_credit_once(rig, address):
    before = rig.held(rig.alice)[0]
    pay(rig, address)
    rig.chain.mine(3)
    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(in_thread, rig.scan) for _ in range(12)]:
            future.result()
    rig.scan()
    assert rig.held(rig.alice)[0] == before + SOL
    assert len(credits(rig)) == 1


def test_a_reorganisation_deeper_than_we_watch_is_noticed(rig, address):
    before = rig.held(rig.alice)[0]
    sent = pay(rig, address)
    rig.chain.mine(40)
    rig.scan()
    rig.scan()
    assert rig.deposit().is_final
    rig.chain.reorganise(40, keep=False)
    rig.chain.evict(sent.pk)
    rig.scan()
    rig.scan()
    assert (rig.deposit().state, rig.held(rig.alice)[0]) == ("reversed", before)


def test_a_long_pause_of_the_scanner_loses_nothing(rig, address):
    rig.scan()
    pay(rig, address)
    rig.chain.mine(200)
    rig.scan()
    assert rig.deposit().state == "credited"


def test_the_chain_is_driven_from_the_command_line(rig, capsys):
    before = rig.held(rig.alice)[0]
    call_command("simchain", "send", "alice@example.org", "sol", "2.5")
    transaction_hash = capsys.readouterr().out.split()[0]
    call_command("simchain", "mine", "3")
    rig.scan()
    assert rig.held(rig.alice)[0] == before + 25 * SOL // 10
    call_command("simchain", "reorg", "3", "--drop")
    call_command("simchain", "evict", transaction_hash)
    rig.scan()
    assert rig.held(rig.alice)[0] == before
    call_command("simchain", "resend", transaction_hash)
    call_command("simchain", "show")
    assert transaction_hash in capsys.readouterr().out
    for words in (["mine", "0"], ["reorg", "99999"], ["send", "nobody@example.org", "SOL", "1"],
                  ["send", "x", "SOL", "1e5"], ["evict", "nothing"], ["send", "x", "DOGE", "1"]):  # fmt: skip
        with pytest.raises(CommandError):
            call_command("simchain", *words)
    with pytest.raises(CommandError, match="not a simulated chain"):
        call_command("simchain", "--chain", "Nowhere", "mine")


def test_two_outputs_of_the_treasury_with_a_long_hash_are_two_entries(rig):
    """A signature of Solana has 88 characters: cut, the key of every output of it was the same."""
    network = AssetNetwork.objects.get(asset__symbol="SOL", blockchain="Solana")

    def seen(index: int) -> None:
        book.treasury_seen(network, Incoming("h" * 88, index, "hot", "SOL", SOL, "treasury", 5, 1))

    for index in (10, 11, 10):
        seen(index)
    rows = WalletEntry.objects.filter(reference__startswith="h" * 88)
    assert sorted(row.reference[-2:] for row in rows) == ["10", "11"]
