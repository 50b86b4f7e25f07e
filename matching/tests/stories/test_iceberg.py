"""Orders that show a part of themselves."""

import pytest


def test_only_the_displayed_part_is_seen_but_all_of_it_is_paid_for(venue):
    assert venue.run("alice sell 10 @ 100 show=2") == "New 0"
    assert venue.book == ["ask 100 x 2"]
    assert venue.locked("alice") == {"SOL": "10"}


def test_the_next_part_follows_when_one_is_used_up(venue):
    venue.run("alice sell 5 @ 100 show=2", "bob buy 1 @ 100")
    assert venue.book == ["ask 100 x 1"]
    venue.run("bob buy 1 @ 100")
    assert venue.book == ["ask 100 x 2"]
    venue.run("bob buy 2 @ 100")
    assert venue.book == ["ask 100 x 1"]
    assert venue.run("bob buy 1 @ 100") == "Filled 1"
    assert venue.book == []


def test_the_next_part_stands_at_the_end_of_the_queue(venue):
    venue.run("alice sell 4 @ 100 show=2", "carol sell 3 @ 100", "bob buy 6 @ 100")
    assert venue.trades == [
        "2 @ 100 maker=alice taker=bob",
        "3 @ 100 maker=carol taker=bob",
        "1 @ 100 maker=alice taker=bob",
    ]


def test_a_part_that_is_not_used_up_keeps_its_place(venue):
    venue.run(
        "alice sell 4 @ 100 show=2", "carol sell 3 @ 100", "bob buy 1 @ 100", "bob buy 1 @ 100", "bob buy 1 @ 100"
    )
    assert [trade.split("maker=")[1].split()[0] for trade in venue.trades] == ["alice", "alice", "carol"]


def test_two_icebergs_take_turns(venue):
    venue.run("alice sell 3 @ 100 show=1", "carol sell 3 @ 100 show=1", "bob buy 5 @ 100")
    assert [trade.split("maker=")[1].split()[0] for trade in venue.trades] == ["alice", "carol"] * 2 + ["alice"]


def test_a_taker_meets_all_of_it_at_once(venue):
    venue.run("alice sell 10 @ 100 show=0.1", "alice sell 1 @ 101")
    assert venue.run("bob buy 10 @ 100 fok") == "Filled 10"
    assert len(venue.trades) == 100


def test_on_arrival_the_whole_quantity_matches_first(venue):
    venue.run("alice sell 3 @ 100")
    assert venue.run("bob buy 10 @ 100 show=2") == "PartiallyFilled 3"
    assert venue.book == ["bid 100 x 2"]


@pytest.mark.parametrize(
    "words",
    [
        "buy 2 @ 100 show=2",
        "buy 2 @ 100 show=3",
        "buy 2 @ 100 ioc show=1",
        "buy 2 @ 100 fok show=1",
        "buy 2 show=1",
        "buy 10 @ 100 show=0.09",
    ],
)
def test_what_can_be_displayed(venue, words):
    """Less than all, at least a hundredth, and only of an order that may rest."""
    assert venue.run(f"bob {words}") == "invalid_parameter"
    assert venue.run("bob buy 10 @ 100 show=0.1") == "New 0"


def test_at_least_the_markets_minimum_is_displayed(venue):
    venue.run("staff limits min_quantity_lots=50")
    assert venue.run("bob buy 2 @ 100 show=0.49") == "invalid_parameter"
    assert venue.run("bob buy 2 @ 100 show=0.5") == "New 0"


def test_a_waiting_iceberg_rests_as_one(traded):
    traded.run("bob buy 4 @ 99 show=1 stop=101", "alice sell 1 @ 101", "carol buy 1 @ 101")
    assert traded.book == ["bid 99 x 1"]


def test_decrement_takes_the_displayed_part_off_again_and_again(venue):
    venue.run("bob sell 5 @ 100 show=2", "alice sell 1 @ 100")
    assert venue.run("bob buy 3 @ 100 decrement") == "Filled 1"  # 2 against his own, 1 from Alice: nothing is left.
    assert venue.trades == ["1 @ 100 maker=alice taker=bob"]
    assert venue.book == ["ask 100 x 2"]
    assert venue.locked("bob") == {"SOL": "3"}


def test_an_iceberg_without_hidden_rest_is_an_ordinary_order(venue):
    venue.run("alice sell 3 @ 100 show=2", "bob buy 2 @ 100")
    assert venue.book == ["ask 100 x 1"]
    assert venue.run("alice cancel 1") == "Cancelled 2 (User)"
    assert venue.locked("alice") == {}
