"""An installation from before the wallet kept entries gets the entries that it would have, and no others."""

import random

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from accounts.ledger import opening
from accounts.ledger.models import WalletEntry
from accounts.models import HOUSE_ACCOUNT_ID, OUTSIDE_ACCOUNT_ID, LedgerPosting
from accounts.tests.unguarded import unguarded
from accounts.tests.wallet.rig import SOL, state_of
from accounts.wallet import book, deposits, withdrawals
from accounts.wallet.demo import bring_coins, bring_coins_of_earlier_payments, sender_of
from accounts.wallet.models import Deposit
from accounts.wallet.simulated.chain import Simulated

SAID = (
    "key",
    "kind",
    "payer",
    "payee",
    "asset",
    "blockchain",
    "units",
    "account",
    "deposit",
    "withdrawal",
    "outcome_n",
)


def enter() -> None:
    with connection.cursor() as cursor:
        for statement, parameters in opening.statements(settings.WALLET_CHAINS):
            cursor.execute(statement, parameters)


def forget(**which) -> None:
    with unguarded():
        WalletEntry.objects.filter(**which).delete()


def entries() -> list[tuple]:
    return sorted(WalletEntry.objects.values_list(*SAID))


def withdraw_in_every_way(rig, signer) -> None:
    """Paid, paid to an account here, cancelled, sent but not deep enough, and only reserved."""
    rig.trust()
    inside = deposits.address_of(rig.bob, "Solana").address
    rig.trust(address=inside)
    paid, transferred, cancelled = rig.ask("5"), rig.ask("6", inside), rig.ask("7")
    rig.advance()
    withdrawals.cancel(rig.alice, cancelled.pk)
    rig.advance()
    signer.run_once()
    rig.chain.mine(3)
    rig.advance()
    sent = rig.ask("8")
    rig.advance()
    signer.run_once()
    reserved = rig.ask("9")
    rows = paid, transferred, cancelled, sent, reserved
    assert [state_of(row) for row in rows] == ["settled", "settled", "released", "sent", "reserved"]


def deposit_in_every_way(rig) -> None:
    """Credited, taken back and credited once more, dust, nobody's memo, in a block, in none."""
    address = deposits.address_of(rig.alice, "Solana").address
    again = rig.chain.send(address, "SOL", 2 * SOL)
    rig.chain.mine(3)
    rig.scan()
    rig.chain.reorganise(3, keep=False)
    rig.chain.evict(again.pk)
    for _ in range(3):
        rig.scan()
    assert rig.deposit().state == "reversed"
    rig.chain.send_again(again.pk)
    rig.chain.send(address, "SOL", 3 * SOL)
    rig.chain.send(address, "SOL", 5)
    rig.chain.send(Simulated("Solana").wallet_address(), "SOL", 4 * SOL, memo="whose is it")
    rig.chain.mine(3)
    rig.scan()
    rig.chain.send(address, "SOL", 6 * SOL)
    rig.chain.mine()
    rig.chain.send(address, "SOL", 7 * SOL)
    rig.scan()
    assert sorted(Deposit.objects.values_list("state", "held", "round")) == [
        ("credited", "", 1), ("credited", "", 2),
        ("pending", "", 1), ("pending", "", 1), ("pending", "below_minimum", 1), ("pending", "unknown_memo", 1),
    ]  # fmt: skip


def test_the_opening_says_what_the_wallet_would_have_said(rig, signer):
    bring_coins(rig.sol, 11 * SOL, "cold treasury SOL", cold=True)
    rig.scan()
    withdraw_in_every_way(rig, signer)
    expected, figures = entries(), book.balances()
    forget()
    enter()
    assert entries() == expected
    assert book.balances() == figures


def test_deposits_of_every_kind_and_round(rig):
    deposit_in_every_way(rig)
    expected, figures = entries(), book.balances()
    forget()
    enter()
    # Of a deposit that went and came, the rows only know that it is there.
    assert {row for row in entries() if row[1] != "seen"} == {row for row in expected if row[1] not in ("seen", "gone")}
    assert {name: units for name, units in book.balances().items() if units} == {
        name: units for name, units in figures.items() if units
    }


@pytest.mark.parametrize("seed", range(3))
def test_it_may_run_again_and_fills_only_what_is_missing(rig, signer, seed):
    withdraw_in_every_way(rig, signer)
    expected = entries()
    enter()
    assert entries() == expected
    lost = random.Random(seed).sample([row[0] for row in expected], len(expected) // 2)
    forget(key__in=lost)
    enter()
    assert entries() == expected, f"seed {seed}"
    rig.chain.mine(3)
    rig.advance()
    rig.scan()
    after = entries()
    enter()
    assert entries() == after


def test_what_no_row_tells_is_not_made_up(rig, signer):
    """Coins on the chain without a memo of ours, and an answer of the engine that the rows do not have."""
    rig.trust()
    row = rig.ask("5")
    with unguarded():
        row.commands.update(state="sent")
    forget()
    enter()
    assert not WalletEntry.objects.filter(withdrawal=row).exists()
    assert set(WalletEntry.objects.values_list("kind", flat=True)) == {"treasury"}


def test_on_a_real_chain_the_owner_says_what_is_there(funded, settings):
    settings.WALLET_CHAINS = {"Solana": "bitcoin_core"}
    forget()
    enter()
    assert not WalletEntry.objects.exists()


def test_fund_payments_from_before_get_their_coins_once(rig):
    for seq, reference in ((1, "seed:house:SOL"), (2, "fund:abc"), (3, "fund:def")):
        LedgerPosting.objects.bulk_create(
            LedgerPosting(
                id=seq * 8 + leg, seq=seq, at=timezone.now(), kind="funding", account_id=account_id, asset=rig.sol,
                units=units, reference=reference,
            )
            for leg, (account_id, units) in enumerate(((OUTSIDE_ACCOUNT_ID, -7 * SOL), (HOUSE_ACCOUNT_ID, 7 * SOL)))
        )  # fmt: skip
    bring_coins(rig.sol, 7 * SOL, sender_of("fund:def"))
    held = Simulated("Solana").held_units("SOL")
    assert bring_coins_of_earlier_payments(["seed:house:SOL"]) == 1
    assert Simulated("Solana").held_units("SOL") == held + 7 * SOL
    assert bring_coins_of_earlier_payments(["seed:house:SOL"]) == 0
