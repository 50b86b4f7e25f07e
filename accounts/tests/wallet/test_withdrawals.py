"""Withdrawals from the wish to the coin on the chain, and everything that stops one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts.models import Balance
from accounts.tests.wallet.rig import OUTSIDE, SOL, code, paid, refusal, state_of
from accounts.tests.wallet.test_outbox import in_thread
from accounts.wallet import deposits, progress, risk, withdrawals
from accounts.wallet import mail as wallet_mail
from accounts.wallet.approvals import approve, reject
from accounts.wallet.models import AssetNetwork, Deposit, OutboxCommand, SignedPayment, Withdrawal
from accounts.wallet.simulated.addresses import make_address
from exchange_site.kernel.errors import ApiError


def test_from_the_wish_to_the_coin(rig, signer):
    before, funded = rig.held(rig.alice)[0], rig.funded()
    rig.trust()
    row = rig.ask("5")
    assert state_of(row) == "reserved"
    assert rig.held(rig.alice) == (before - 5 * SOL, 5 * SOL)
    rig.advance()
    assert state_of(row) == "approved"
    assert signer.run_once() == 1
    assert state_of(row) == "sent"
    rig.chain.mine(2)
    rig.advance()
    assert (state_of(row), Withdrawal.objects.get().confirmations) == ("sent", 2)
    rig.chain.mine()
    rig.advance()
    assert state_of(row) == "settled"
    assert paid() == [5 * SOL - SOL // 100]
    assert rig.held(rig.alice) == (before - 5 * SOL, 0)
    network_fee = SignedPayment.objects.get().network_fee_units
    assert rig.funded() == funded - (5 * SOL - SOL // 100) - network_fee
    assert OutboxCommand.objects.filter(state="done").count() == 3


def test_g20_fifty_at_once_on_one_balance_pay_at_most_once(rig, signer):
    """Everything Alice has, fifty times, each by a connection of its own."""
    rig.trust()
    everything = rig.sol.spec().format(rig.held(rig.alice)[0])
    AssetNetwork.objects.update(daily_limit_units=None)

    def one(number):
        try:
            return rig.ask(everything, client_id=f"w{number}").state
        except ApiError as error:
            return error.kind.code

    with ThreadPoolExecutor(10) as pool:
        answers = [f.result() for f in [pool.submit(in_thread, lambda n=n: one(n)) for n in range(50)]]
    assert answers.count("reserved") == 1
    assert set(answers) <= {"reserved", "INSUFFICIENT_FUNDS", "TOO_MANY_REQUESTS"}
    for _ in range(3):
        rig.advance()
        approve_all(rig)
        signer.run_once()
        rig.chain.mine(3)
    assert Withdrawal.objects.exclude(state="refused").get().state == "settled"
    assert len(paid()) == 1
    assert rig.held(rig.alice) == (0, 0)


def approve_all(rig):
    """Many at once also meet the rule about many within an hour."""
    from accounts.models import User

    operator = User.objects.filter(email="op@example.org").first() or rig.staff("op@example.org")
    for row in Withdrawal.objects.filter(state="reserved", approvals_needed=1):
        if not row.approvals.exists():
            approve(row.pk, operator, "it is hers")


def test_the_same_client_id_is_the_same_withdrawal(rig):
    rig.trust()
    first, second = rig.ask(client_id="a"), rig.ask(client_id="a")
    assert first.pk == second.pk
    assert rig.held(rig.alice)[1] == 5 * SOL
    assert refusal(rig, "6", client_id="a").kind.code == "PRECONDITION_FAILED"


def test_g20_one_client_id_twenty_times_at_once_is_one_withdrawal(rig):
    rig.trust()
    with ThreadPoolExecutor(10) as pool:
        asked = [pool.submit(in_thread, lambda: rig.ask(client_id="same").pk) for _ in range(20)]
        assert len({future.result() for future in asked}) == 1
    assert rig.held(rig.alice)[1] == 5 * SOL


def test_after_a_refusal_the_client_id_is_free(rig):
    rig.trust()
    Balance.objects.update(available_units=10**15)  # The database is behind; the engine refuses.
    assert refusal(rig, "900000", client_id="a").kind.code == "INSUFFICIENT_FUNDS"
    assert rig.ask("5", client_id="a").state == "reserved"


def test_a_password_changed_after_the_wish_holds_it_too(rig):
    rig.trust()
    row = rig.ask()
    risk.freeze(rig.alice, 3_600, "test")
    rig.advance()
    assert progress.missing(row) == ["hold"]


def test_the_venues_own_wallet_is_no_destination(rig):
    address = deposits.chain_of("Solana").wallet_address()
    assert refusal(rig, address=address, memo="A1").kind.code == "INVALID_CLIENT_REQUEST"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": "99999999"}, "INSUFFICIENT_FUNDS"),
        ({"amount": "99999999", "address": "nonsense"}, "INSUFFICIENT_FUNDS"),
        ({"amount": "0"}, "INVALID_CLIENT_REQUEST"),
        ({"amount": "0.01"}, "INVALID_CLIENT_REQUEST"),
        ({"amount": "1e1"}, "INVALID_CLIENT_REQUEST"),
        ({"amount": "1.0000000001"}, "INVALID_CLIENT_REQUEST"),
        ({"amount": "-1"}, "INVALID_CLIENT_REQUEST"),
        ({"address": "nonsense"}, "INVALID_CLIENT_REQUEST"),
        ({"address": OUTSIDE[:-1] + "0"}, "INVALID_CLIENT_REQUEST"),
        ({"address": "\0"}, "INVALID_CLIENT_REQUEST"),
        ({"memo": "x" * 65}, "INVALID_CLIENT_REQUEST"),
        ({"client_id": "x" * 256}, "INVALID_CLIENT_REQUEST"),
        ({"key_id": None}, "INVALID_TWO_FACTOR_CODE"),
        ({"key_id": None, "code": "000000"}, "INVALID_TWO_FACTOR_CODE"),
        ({"key_id": None, "code": "１２３４５６"}, "INVALID_TWO_FACTOR_CODE"),
    ],
)
def test_what_is_refused_moves_nothing(rig, change, expected):
    rig.trust()
    assert refusal(rig, **change).kind.code == expected
    assert not Withdrawal.objects.exists()
    assert rig.held(rig.alice)[1] == 0


def test_a_code_works_once_and_guessing_ends(rig):
    rig.book(rig.alice)
    now = code()
    assert rig.ask(key_id=None, code=now).state == "reserved"
    assert refusal(rig, key_id=None, code=now).kind.code == "INVALID_TWO_FACTOR_CODE"
    for _ in range(4):
        refusal(rig, key_id=None, code="000000")
    assert refusal(rig, key_id=None, code=code()).kind.code == "TOO_MANY_REQUESTS"


def test_somebody_without_a_second_factor_cannot_withdraw(rig):
    rig.book(rig.bob)
    error = refusal(rig, account=rig.bob, key_id=None, code="123456")
    assert error.kind.code == "INVALID_TWO_FACTOR_CODE"
    assert "Set up" in error.message


def test_a_page_withdrawal_waits_for_its_own_mail(rig, signer):
    rig.book(rig.alice)
    row = rig.ask(key_id=None, code=code())
    rig.advance()
    assert state_of(row) == "reserved"
    [message] = mail.outbox
    token = wallet_mail.token_of(row)
    assert f"/wallet/withdrawals/{row.pk}/confirm/{token}" in message.body
    assert OUTSIDE in message.body
    assert "4.99 SOL" in message.body
    other = Withdrawal.objects.get(pk=row.pk)
    other.units += 1
    assert not wallet_mail.is_token_of(other, token)
    assert wallet_mail.is_token_of(row, token)
    withdrawals.confirm(rig.alice, row.pk)
    withdrawals.confirm(rig.alice, row.pk)
    rig.advance()
    assert state_of(row) == "approved"
    assert len(mail.outbox) == 1


def test_a_mail_nobody_answers_ends_it(rig):
    rig.book(rig.alice)
    row = rig.ask(key_id=None, code=code())
    rig.advance()
    Withdrawal.objects.update(created_at=timezone.now() - timedelta(seconds=3_601))
    rig.advance()
    assert (state_of(row), rig.held(rig.alice)[1]) == ("released", 0)


def test_a_new_address_waits_a_day_and_cannot_be_made_older(rig, signer):
    row = rig.ask(code=code())
    withdrawals.confirm(rig.alice, row.pk)
    rig.advance()
    assert progress.missing(Withdrawal.objects.get()) == ["hold"]
    assert timedelta(hours=23) < Withdrawal.objects.get().not_before - timezone.now() < timedelta(hours=25)
    assert signer.run_once() == 0
    Withdrawal.objects.update(not_before=timezone.now())
    rig.advance()
    assert signer.run_once() == 1


def test_a_wrong_code_adds_no_address_to_the_book(rig):
    assert refusal(rig, code="000000").kind.code == "INVALID_TWO_FACTOR_CODE"
    assert not rig.alice.withdrawal_addresses.exists()


def test_after_a_change_of_password_money_waits(rig, client):
    rig.trust()
    client.force_login(rig.alice.user)
    new = {"oldpassword": "correct horse battery", "password1": "battery correct horse", "password2": "x"}
    client.post("/accounts/password/change/", {**new, "password2": new["password1"]})
    row = rig.ask()
    rig.advance()
    assert progress.missing(row) == ["hold"]
    assert risk.frozen_until(rig.alice.pk) > timezone.now() + timedelta(hours=23)


def test_cancelled_before_it_is_signed_and_not_after(rig, signer):
    rig.trust()
    first, second = rig.ask("5"), rig.ask("6")
    rig.advance()
    withdrawals.cancel(rig.alice, first.pk)
    withdrawals.cancel(rig.alice, first.pk)
    rig.advance()
    assert state_of(first) == "released"
    assert rig.held(rig.alice)[1] == 6 * SOL
    signer.run_once()
    with pytest.raises(ApiError, match="cannot be cancelled"):
        withdrawals.cancel(rig.alice, second.pk)
    assert paid() == [6 * SOL - SOL // 100]
    with pytest.raises(ApiError) as foreign:
        withdrawals.cancel(rig.bob, second.pk)
    assert foreign.value.kind.code == "RESOURCE_NOT_FOUND"


def test_to_an_address_of_ours_it_stays_inside(rig, signer):
    address = deposits.address_of(rig.bob, "Solana").address
    before = rig.held(rig.bob)[0]
    rig.trust(address=address)
    row = rig.ask("5", address)
    assert row.fee_units == 0
    rig.advance()
    rig.advance()
    assert state_of(row) == "settled"
    assert rig.held(rig.bob)[0] == before + 5 * SOL
    assert signer.run_once() == 0
    received = Deposit.objects.get(account=rig.bob)
    assert (received.units, received.state, received.internal) == (5 * SOL, "credited", True)


def test_ones_own_address_is_no_destination(rig):
    assert refusal(rig, address=deposits.address_of(rig.alice, "Solana").address).kind.code == "INVALID_CLIENT_REQUEST"


def test_limits_of_a_day_by_asset_and_by_value(rig, settings):
    rig.trust()
    AssetNetwork.objects.update(daily_limit_units=10 * SOL)
    rig.ask("6")
    assert "4 SOL are left" in refusal(rig, "5").message
    rig.ask("4")
    Withdrawal.objects.update(created_at=timezone.now() - timedelta(hours=25))
    rig.ask("10")
    AssetNetwork.objects.update(daily_limit_units=None)
    Withdrawal.objects.update(value_cents=100_00)
    settings.WALLET_DAILY_VALUE_CENTS = 99_99
    assert "by value" in refusal(rig, "1").message


def test_above_the_threshold_two_operators_who_are_not_the_owner(rig, signer):
    AssetNetwork.objects.update(approval_above_units=4 * SOL)
    rig.trust()
    row = rig.ask("5")
    first, second = rig.staff("op1@example.org"), rig.staff("op2@example.org")
    rig.alice.user.is_staff = rig.alice.user.is_superuser = True
    rig.alice.user.save()
    with pytest.raises(ApiError, match="your own"):
        approve(row.pk, rig.alice.user, "me")
    approve(row.pk, first, "known")
    with pytest.raises(ApiError, match="already"):
        approve(row.pk, first, "known")
    rig.advance()
    assert state_of(row) == "reserved"
    approve(row.pk, second, "called her")
    rig.advance()
    assert state_of(row) == "approved"
    assert signer.run_once() == 1


def test_a_rejected_one_gives_the_money_back(rig):
    AssetNetwork.objects.update(approval_above_units=4 * SOL)
    rig.trust()
    row = rig.ask("5")
    reject(row.pk, rig.staff("op1@example.org"), "stolen account")
    rig.advance()
    assert (state_of(row), rig.held(rig.alice)[1]) == ("released", 0)


def test_a_withdrawal_address_of_another_chain_is_refused(rig):
    assert refusal(rig, address=make_address("Bitcoin", "x")).kind.code == "INVALID_CLIENT_REQUEST"
