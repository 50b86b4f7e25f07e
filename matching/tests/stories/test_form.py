"""Which words no order may be made of, and which reason is given for each."""

import pytest
from msgspec import structs

from matching.messages import MAX_INT, ExitTerms, OrderTerms, TimeInForce
from matching.tests.language import SPEC

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        ({"price_ticks": None}, "invalid_price"),
        ({"price_ticks": 0}, "invalid_price"),
        ({"price_ticks": MAX_INT + 1}, "invalid_price"),
        ({"quantity_lots": None}, "invalid_parameter"),
        ({"quantity_lots": 0}, "invalid_quantity"),
        ({"quantity_lots": MAX_INT + 1}, "invalid_quantity"),
        ({"quote_units": 5}, "invalid_parameter"),
        ({"price_ticks": 2**40, "quantity_lots": 2**40}, "notional_too_large"),
        ({"market": "NO_PE"}, "unknown_market"),
        ({"time_in_force": TimeInForce.GTD}, "invalid_expiry"),
        ({"terms": OrderTerms(expires_at_ms=DAY_MS)}, "invalid_parameter"),
        ({"post_only": True, "time_in_force": TimeInForce.IOC}, "invalid_parameter"),
        ({"terms": OrderTerms(trigger_price_ticks=0)}, "invalid_trigger"),
        ({"terms": OrderTerms(trigger_price_ticks=MAX_INT + 1)}, "invalid_trigger"),
        ({"terms": OrderTerms(trailing_ticks=0)}, "invalid_trigger"),
        ({"terms": OrderTerms(display_lots=0)}, "invalid_parameter"),
        ({"terms": OrderTerms(fires_above=True)}, "invalid_parameter"),
        ({"terms": OrderTerms(related_order_id=1)}, "invalid_parameter"),
        ({"terms": OrderTerms(stop_loss=ExitTerms(trigger_price_ticks=0))}, "invalid_trigger"),
        ({"terms": OrderTerms(stop_loss=ExitTerms(trigger_price_ticks=90, price_ticks=0))}, "invalid_trigger"),
        ({"terms": OrderTerms(slippage_ticks=1)}, "invalid_parameter"),
    ],
)
def test_limit_orders(venue, members, answer):
    venue.answers.append(venue.send(structs.replace(venue.parse("bob buy 1 @ 100"), **members)))
    assert venue.answer == answer
    assert venue.open("bob") == []


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        ({"price_ticks": 100}, "invalid_parameter"),
        ({"quantity_lots": None}, "invalid_parameter"),
        ({"quote_units": 5}, "invalid_parameter"),
        ({"quantity_lots": None, "quote_units": 0}, "invalid_quantity"),
        ({"quantity_lots": None, "quote_units": MAX_INT + 1}, "invalid_quantity"),
        ({"post_only": True}, "invalid_parameter"),
        ({"terms": OrderTerms(display_lots=1)}, "invalid_parameter"),
        ({"terms": OrderTerms(slippage_ppm=1_000_000)}, "invalid_parameter"),
        ({"terms": OrderTerms(slippage_ticks=-1)}, "invalid_parameter"),
        ({"time_in_force": TimeInForce.GTD, "terms": OrderTerms(expires_at_ms=DAY_MS)}, "invalid_parameter"),
    ],
)
def test_market_orders(venue, members, answer):
    venue.answers.append(venue.send(structs.replace(venue.parse("bob buy 1"), **members)))
    assert venue.answer == answer


@pytest.mark.parametrize("tif", [TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
def test_a_market_order_means_the_same_whatever_its_time_in_force(venue, tif):
    """It never rests, and takes what it can."""
    venue.run("alice sell 1 @ 100")
    venue.answers.append(venue.send(structs.replace(venue.parse("bob buy 2"), time_in_force=tif)))
    assert venue.answer == "Expired 1 (InsufficientLiquidity)"


def test_no_slippage_at_all_means_the_best_price_only(venue):
    venue.run("alice sell 1 @ 100", "alice sell 1 @ 100.01")
    order = structs.replace(venue.parse("bob buy 2"), terms=OrderTerms(slippage_ticks=0))
    venue.answers.append(venue.send(order))
    assert venue.answer == "Expired 1 (SlippageToleranceExceeded)"


@pytest.mark.parametrize(
    ("members", "answer"),
    [
        ({"price_ticks": 0}, "invalid_price"),
        ({"price_ticks": MAX_INT + 1}, "invalid_price"),
        ({"quantity_lots": 0}, "invalid_quantity"),
        ({"trigger_price_ticks": 95}, "invalid_parameter"),
        ({"market": "NO_PE"}, "unknown_order"),
        ({"order_id": None}, "unknown_order"),
    ],
)
def test_amends(venue, members, answer):
    venue.run("bob buy 1 @ 100")
    venue.answers.append(venue.send(structs.replace(venue.parse("bob amend 1 @ 101"), **members)))
    assert venue.answer == answer
    assert venue.book == ["bid 100 x 1"]


def test_the_largest_order_that_fits_is_taken_or_lacks_the_money(venue):
    largest = MAX_INT // SPEC.quote_units_per_tick_lot
    order = venue.parse("bob buy 0.01 @ 100")
    venue.answers.append(venue.send(structs.replace(order, price_ticks=largest)))
    assert venue.answer == "insufficient_funds"
    venue.answers.append(venue.send(structs.replace(order, price_ticks=largest + 1)))
    assert venue.answer == "notional_too_large"
