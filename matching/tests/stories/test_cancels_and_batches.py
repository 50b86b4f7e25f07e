"""Taking orders back in every way, many steps at once, and the dead man's switch."""

import pytest
from msgspec import structs

from matching.messages import BookChanged, CancelOrder


def test_cancelling_by_side_kind_market_and_everywhere(traded):
    traded.run("bob buy 1 @ 90", "bob sell 1 @ 110", "bob buy 1 @ 95 stop=120", "bob sell 1 @ 95 stop=80")
    assert traded.run("bob cancel asks") == "4 Cancelled 0 (User), 6 Cancelled 0 (User)"
    assert traded.run("bob cancel waiting") == "5 Cancelled 0 (User)"
    assert traded.run("bob cancel everywhere") == "3 Cancelled 0 (User)"
    assert traded.run("bob cancel all") == ""


def test_a_client_id_names_an_order_only_with_its_market(venue):
    venue.run("bob buy 1 @ 90 id=7")
    assert venue.send(CancelOrder(account_id=1002, client_id=7)).reply.reason.value == "unknown_order"
    assert venue.run("bob cancel id=7") == "Cancelled 0 (User)"


@pytest.mark.parametrize("state", ["LimitOnly", "PostOnly", "Auction", "CancelOnly"])
def test_cancelling_works_in_every_state_but_closed(venue, state):
    venue.run("bob buy 1 @ 90", "bob buy 1 @ 91", f"staff state {state}")
    assert venue.run("bob cancel 1") == "Cancelled 0 (User)"
    assert venue.run("bob cancel all") == "2 Cancelled 0 (User)"


def test_a_closed_market_keeps_its_orders(venue):
    venue.run("bob buy 1 @ 90", "staff state Closed")
    assert venue.run("bob cancel 1") == "market_closed"
    assert venue.run("bob cancel all") == "market_closed"
    assert venue.run("bob cancel everywhere") == ""
    assert venue.run("bob cancel asks") == "market_closed"


# ---------------------------------------------------------------------------------------------------------- batches


def test_each_step_has_its_own_answer(venue):
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 90 id=7")
    steps = "buy 1 @ 91 id=7 ; buy 1 @ 100 ; cancel id=7 ; amend 9 to 1 ; buy 1 @ 91 id=7 ; cancel bids"
    assert venue.run(f"bob batch {steps}") == (
        "duplicate_client_id ; Filled 1 ; Cancelled 0 (User) ; unknown_order ; New 0 ; 4 Cancelled 0 (User)"
    )


def test_events_follow_in_the_order_of_steps_the_book_changes_once(venue):
    venue.run("bob batch buy 1 @ 90 ; buy 1 @ 90 ; sell 1 @ 110 ; cancel 2")
    assert venue.news == ["bob 1 Accepted", "bob 2 Accepted", "bob 3 Accepted", "bob 2 Cancelled (User)"]
    books = [event for event in venue.answers[-1].outcome.events if isinstance(event, BookChanged)]
    assert [(book.bids, book.asks) for book in books] == [([(9000, 100)], [(11000, 100)])]


def test_a_pair_can_be_a_step(traded):
    answer = traded.run("bob batch oco sell 1 @ 110 | sell 1 stop=95 ; buy 1 @ 90")
    assert answer == "3 New 0, 4 TriggerPending 0 ; New 0"


def test_a_batch_has_one_to_fifty_steps(venue):
    empty = structs.replace(venue.parse("bob batch buy 1 @ 90"), steps=[])
    venue.answers.append(venue.send(empty))
    assert venue.answer == "invalid_parameter"
    assert venue.run("bob batch " + " ; ".join(["buy 0.01 @ 1"] * 51)) == "invalid_parameter"
    assert venue.run("bob batch " + " ; ".join(["buy 0.01 @ 1"] * 50)).count("New") == 50


def test_nobody_slips_somebody_elses_order_into_a_batch(venue):
    venue.run("alice buy 1 @ 90")
    theirs = [venue.parse("bob buy 1 @ 90"), venue.parse("bob cancel all"), venue.parse("alice cancel 1")]
    mixed = structs.replace(venue.parse("alice batch buy 1 @ 90"), steps=theirs)
    venue.answers.append(venue.send(mixed))
    assert venue.answer == "invalid_parameter ; invalid_parameter ; Cancelled 0 (User)"


def test_a_batch_has_one_key_and_one_time_limit_those_of_steps_are_ignored(venue):
    batch = structs.replace(venue.parse("bob batch buy 1 @ 90"), idempotency_key="a")
    step = structs.replace(batch.steps[0], idempotency_key="b", valid_until_ms=0)
    batch = structs.replace(batch, steps=[step])
    first = venue.send(batch)
    assert venue.send(batch).reply == first.reply
    assert venue.open("bob") == ["1 buy 1 @ 90 New"]
    venue.answers.append(venue.send(structs.replace(batch, idempotency_key="c", valid_until_ms=venue.at_ms - 1)))
    assert venue.answer == "expired_in_queue"


def test_what_a_step_fires_is_done_before_the_next_step(traded):
    traded.run("carol sell 1 @ 99 stop=99", "alice buy 2 @ 99")
    traded.run("bob batch sell 1 @ 99 ; sell 1 @ 98")
    assert traded.trades == ["1 @ 99 maker=alice taker=bob", "1 @ 99 maker=alice taker=carol"]
    assert traded.book == ["ask 98 x 1"]


# ------------------------------------------------------------------------------------------------- dead man's switch


def test_unless_it_is_set_anew_everything_is_cancelled(traded):
    traded.run("bob buy 1 @ 90", "bob sell 1 stop=80", "alice buy 1 @ 90", "bob switch 60s")
    assert traded.advance("59s") == []
    traded.run("bob switch 60s")
    assert traded.advance("59s") == []
    assert traded.advance("1s") == [
        "bob 3 Cancelled (CancelAfter)",
        "bob 4 Cancelled (CancelAfter)",
        "bob switch off",
    ]
    assert traded.open("alice") == ["5 buy 1 @ 90 New"]


def test_off_is_off(venue):
    venue.run("bob buy 1 @ 90", "bob switch 60s")
    assert venue.run("bob switch off") == "off"
    assert venue.advance("100s") == []


def test_it_fires_before_any_later_command(venue):
    venue.run("bob buy 1 @ 90", "bob switch 60s")
    venue.at_ms += 60_000
    assert venue.run("alice sell 1 @ 90") == "New 0"


@pytest.mark.parametrize(
    ("after", "answer"),
    [("999ms", "invalid_parameter"), ("1s", "on"), ("24h", "on"), ("86400001ms", "invalid_parameter")],
)
def test_how_long_it_may_be(venue, after, answer):
    assert venue.run(f"bob switch {after}").split()[0] == answer


def test_a_closed_market_keeps_its_orders_when_the_switch_fires(venue):
    venue.run("bob buy 1 @ 90", "bob switch 60s", "staff state Closed")
    assert venue.advance("60s") == ["bob switch off"]
    assert venue.open("bob") == ["1 buy 1 @ 90 New"]


def test_it_ends_at_most_a_thousand_orders_in_one_outcome(venue):
    venue.run("staff limits max_open_orders=5000")
    for _ in range(25):
        venue.run("bob batch " + " ; ".join(["buy 0.01 @ 1"] * 50))
    venue.run("bob switch 60s")
    before = venue.engine.n
    assert venue.advance("60s")[-1] == "bob switch off"
    assert venue.engine.n == before + 2
    assert venue.open("bob") == []
