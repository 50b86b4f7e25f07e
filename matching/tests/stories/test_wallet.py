"""Money that comes and goes: deposits, withdrawals, and commands that may be repeated for ever."""

import pytest


def test_a_deposit_is_credited_from_outside(venue):
    assert venue.run("wallet deposit 1 bob 5 SOL #1") == "Done"
    assert venue.available("bob")["SOL"] == "1005"


def test_a_withdrawal_locks_its_amount_and_leaves_when_it_is_settled(venue):
    venue.run("wallet reserve 1 bob 5 SOL fee=0.1 #1")
    assert venue.available("bob")["SOL"] == "995"
    assert venue.locked("bob") == {"SOL": "5"}
    venue.run("wallet settle 1 #2")
    assert venue.locked("bob") == {}
    assert venue.available("fees") == {"SOL": "0.1"}


def test_it_may_go_to_another_account_instead(venue):
    venue.run("wallet reserve 1 bob 5 SOL fee=0.1 #1", "wallet settle 1 to=alice #2")
    assert venue.available("alice")["SOL"] == "1004.9"
    assert venue.available("fees") == {"SOL": "0.1"}


def test_a_released_one_returns_whole(venue):
    venue.run("wallet reserve 1 bob 5 SOL fee=0.1 #1", "wallet release 1 #2")
    assert venue.available("bob")["SOL"] == "1000"
    assert venue.run("wallet settle 1 #3") == "unknown_withdrawal"


def test_it_takes_only_what_is_free(venue):
    venue.run("bob sell 999 @ 200")
    assert venue.run("wallet reserve 1 bob 1.01 SOL #1") == "insufficient_funds"
    assert venue.run("wallet reserve 1 bob 1 SOL #1") == "Done"
    assert venue.run("bob sell 0.01 @ 200") == "insufficient_funds"


@pytest.mark.parametrize("line", ["wallet settle 9 #1", "wallet release 9 #1"])
def test_a_withdrawal_nobody_reserved_is_unknown(venue, line):
    assert venue.run(line) == "unknown_withdrawal"


def test_a_fee_is_less_than_the_amount(venue):
    assert venue.run("wallet reserve 1 bob 1 SOL fee=1 #1") == "invalid_quantity"


def test_the_same_command_under_its_number_is_done_once(venue):
    for _ in range(3):
        assert venue.run("wallet deposit 1 bob 5 SOL #1") == "Done"
    assert venue.available("bob")["SOL"] == "1005"


def test_another_command_under_a_used_number_is_refused(venue):
    venue.run("wallet deposit 1 bob 5 SOL #1")
    assert venue.run("wallet deposit 2 bob 5 SOL #1") == "idempotency_key_reused"
    assert venue.run("wallet reserve 1 bob 5 SOL #1") == "idempotency_key_reused"


def test_a_number_ahead_of_its_turn_is_refused(venue):
    assert venue.run("wallet deposit 2 bob 5 SOL #2") == "out_of_sequence"
    assert venue.run("wallet deposit 1 bob 5 SOL #1", "wallet deposit 2 bob 5 SOL #2") == "Done"


def test_a_refused_command_leaves_its_number_for_the_next(venue):
    assert venue.run("wallet reserve 1 bob 5000 SOL #1") == "insufficient_funds"
    assert venue.run("wallet deposit 7 bob 5 SOL #1") == "Done"


def test_numbers_survive_a_snapshot(venue):
    venue.run("wallet reserve 1 bob 5 SOL fee=0.1 #1")
    venue.both.reload()
    assert venue.run("wallet reserve 1 bob 5 SOL fee=0.1 #1") == "Done"
    assert venue.locked("bob") == {"SOL": "5"}
    assert venue.run("wallet settle 1 #2") == "Done"


def test_a_number_too_old_to_be_remembered_is_refused(venue):
    for number in range(1, 10_003):
        venue.both.engine_and_model_alone(venue.parse(f"wallet deposit {number} bob 0.000000001 SOL #{number}"))
    assert venue.run("wallet deposit 2 bob 0.000000001 SOL #2") == "out_of_sequence"
    assert venue.run("wallet deposit 3 bob 0.000000001 SOL #3") == "Done"


def test_the_house_takes_back_only_what_is_free_and_pays_out_only_what_it_has(venue):
    assert venue.run("staff debit bob 1000.01 SOL") == "insufficient_funds"
    assert venue.run("staff debit bob 1000 SOL") == "Done"
    assert venue.run("staff defund 100000000 SOL") == "house_funds_too_small"
    assert venue.run("staff defund 5 SOL") == "Done"
