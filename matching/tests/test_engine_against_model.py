"""The fast engine and the slow model answer every command alike, and end with the same balances and books."""

import itertools

import pytest
from msgspec import to_builtins

from matching import codec
from matching.core.engine import Engine
from matching.messages import BookChanged, OrderReply, OrdersReply, Refused, TradeMade
from matching.tests.flows import extreme_commands, random_commands
from matching.tests.model import Model


def shown(reply):
    if isinstance(reply, Refused):
        return reply.reason
    if isinstance(reply, OrderReply):
        order = reply.order
        return order.order_id, order.status, order.executed_lots, order.executed_quote_units
    if isinstance(reply, OrdersReply):
        return [shown(OrderReply(order=order)) for order in reply.orders]
    return None


def balances_of(model):
    keys = set(model.available) | set(model.locked)
    rows = {key: (model.available.get(key, 0), model.locked.get(key, 0)) for key in keys}
    return {key: row for key, row in rows.items() if row != (0, 0)}


@pytest.mark.parametrize("seed", range(60))
def test_g07_engine_and_model_agree_on_every_command(seed):
    engine, model = Engine(), Model()
    books = {}
    last_seq = 0
    answered = {}
    for index, command in enumerate(random_commands(seed, 700)):
        applied = engine.apply(command, f"1-0/{index}", index)
        key = command.idempotency_key
        if applied.replayed:
            assert applied.reply == answered[command.account_id, key]
            continue
        outcome = applied.outcome
        assert outcome.n == engine.n
        assert outcome.seq == last_seq + 1
        last_seq += len(outcome.events)
        if key is not None and (command.account_id, key) in answered:
            assert str(outcome.refusal) == "idempotency_key_reused"
            continue
        if key is not None:
            answered[command.account_id, key] = applied.reply
        assert shown(applied.reply) == model.apply(command), f"seed {seed}, command {index}: {command}"
        for event in outcome.events:
            if isinstance(event, BookChanged):
                mirror(books, event)
    engine.check_invariants()
    held = {
        (account, asset): (free, locked) for account, asset, free, locked in engine.balance_rows() if free or locked
    }
    assert held == balances_of(model), f"seed {seed}"
    for symbol in model.markets:
        assert books.get(symbol, ({}, {}))[:2] == model.book(symbol), f"seed {seed}, {symbol}"


@pytest.mark.parametrize("seed", range(40))
def test_g07_the_largest_numbers_are_exact_and_fit_every_record(seed):
    """What the engine says fits 63 bits wherever it goes: msgpack, PostgreSQL's bigint, a snapshot."""
    engine, model = Engine(), Model()
    trades = 0
    for index, command in enumerate(extreme_commands(seed, 400)):
        applied = engine.apply(command, f"1-0/{index}", index)
        assert shown(applied.reply) == model.apply(command), f"seed {seed}, command {index}: {command}"
        codec.encode(applied.reply)
        for event in applied.outcome.events:
            numbers = [number for number in to_builtins(event) if isinstance(number, int)]
            assert all(0 <= number < 2**63 for number in numbers), f"seed {seed}, command {index}: {event}"
            trades += isinstance(event, TradeMade)
    engine.check_invariants()
    assert trades
    held = {
        (account, asset): (free, locked) for account, asset, free, locked in engine.balance_rows() if free or locked
    }
    assert held == balances_of(model), f"seed {seed}"
    assert Engine.load(engine.dump()).dump() == engine.dump()


def mirror(books, event):
    """Old book plus changes; the ids must have no gap."""
    bids, asks, last_id = books.get(event.market, ({}, {}, 0))
    assert event.update_id == last_id + 1
    for side, changes in ((bids, event.bids), (asks, event.asks)):
        for price, lots in changes:
            side[price] = lots
            if lots == 0:
                del side[price]
    books[event.market] = (bids, asks, event.update_id)


@pytest.mark.parametrize("seed", range(10))
def test_g09_a_loaded_engine_goes_on_exactly_like_the_one_that_was_dumped(seed):
    commands = list(random_commands(seed, 600))
    half = 350
    one = Engine()
    for index, command in enumerate(commands[:half]):
        one.apply(command, f"1-0/{index}", index)
    other = Engine.load(one.dump())
    assert other.dump() == one.dump()
    for index, command in itertools.islice(enumerate(commands), half, None):
        assert one.apply(command, f"1-0/{index}", index) == other.apply(command, f"1-0/{index}", index), f"seed {seed}"
    assert other.dump() == one.dump()
