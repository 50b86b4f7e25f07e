"""The engine and the model side by side: every command and tick goes to both, and what they say must be the same."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum

import msgspec
from msgspec import structs

from matching import codec
from matching.core.engine import Applied, Engine
from matching.messages import (
    AuctionStarted,
    BalanceChanged,
    BatchReply,
    BookChanged,
    Command,
    Event,
    MarketStateChanged,
    OrderChanged,
    OrderEnded,
    OrderReply,
    OrdersReply,
    Outcome,
    RefusalReason,
    Refused,
    Reply,
)
from matching.tests.model import Model, Predicted

MOST_TICKS = 1_000
FORM = (
    RefusalReason.INVALID_PARAMETER,
    RefusalReason.INVALID_PRICE,
    RefusalReason.INVALID_QUANTITY,
    RefusalReason.INVALID_EXPIRY,
    RefusalReason.INVALID_TRIGGER,
    RefusalReason.NOTIONAL_TOO_LARGE,
    RefusalReason.QUANTITY_TOO_SMALL,
    RefusalReason.QUANTITY_TOO_LARGE,
    RefusalReason.NOTIONAL_TOO_SMALL,
)


class SideBySide:
    """`name` says how to repeat the story; `steps` is the story itself, whose end a failure tells.

    `seen` counts what happened: types of events, reasons of ends and refusals, changes, states.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.engine = Engine()
        self.model = Model()
        self.seen: Counter[object] = Counter()
        self.steps: list[Command | int] = []
        self.seq = 0
        self.outcomes: list[Outcome] = []
        self.listener: Callable[[Event], None] | None = None
        self.books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        self.update_ids: Counter[str] = Counter()
        self.balances: dict[tuple[int, str], tuple[int, int]] = {}

    def send(self, command: Command, at_ms: int) -> Applied:
        """Timers that are due, then the command, as the shell does it."""
        self.pass_time(at_ms)
        self.steps.append(command)
        applied = self.engine.apply(command, f"1-0/{len(self.steps)}", at_ms)
        predicted = self.model.apply(command, at_ms)
        assert applied.replayed == predicted.replayed, self.story()
        assert applied.n == predicted.n, self.story()
        if alike(predicted.reply) != alike(applied.reply):
            self.same("reply", predicted.reply, applied.reply)
        if isinstance(applied.reply, Refused):
            self.seen[applied.reply.reason] += 1
        self.compare(applied.outcome, predicted)
        return applied

    def engine_and_model_alone(self, command: Command) -> None:
        """A command by the thousand: only its answer is compared, and the balances with the next ordinary one."""
        at_ms = self.model.now
        applied, predicted = self.engine.apply(command, "", at_ms), self.model.apply(command, at_ms)
        assert applied.reply == predicted.reply, in_short(command)
        self.seq = self.engine.seq
        for event in applied.outcome.events:
            self.mirror(event)

    def pass_time(self, at_ms: int) -> None:
        self.steps.append(at_ms)
        for _ in range(MOST_TICKS):
            applied, predicted = self.engine.tick(at_ms), self.model.tick(at_ms)
            if predicted is None:
                assert applied is None, f"a tick that nothing was due for: {applied}\n{self.story()}"
                self.check_timer(at_ms)
                return
            assert applied is not None, f"no tick, but {predicted.events}\n{self.story()}"
            self.compare(applied.outcome, predicted)
        raise AssertionError(f"The clock never comes to rest.\n{self.story()}")

    def check_timer(self, at_ms: int) -> None:
        """The engine wakes the shell in time for everything, and never for what it has done."""
        asked, needed = self.engine.next_timer_ms(), self.model.next_timer_ms()
        assert asked is None or asked > at_ms, f"asks to be woken at {asked}, which has passed\n{self.story()}"
        assert needed is None or (asked is not None and asked <= needed), f"{asked}, not {needed}\n{self.story()}"

    def compare(self, outcome: Outcome | None, predicted: Predicted) -> None:
        if outcome is None:
            assert predicted.replayed, self.story()
            return
        self.outcomes.append(outcome)
        assert outcome.n == predicted.n, self.story()
        assert outcome.seq == self.seq + 1, self.story()
        self.seq += len(outcome.events)
        assert self.seq == self.engine.seq, self.story()
        shown = [event for event in outcome.events if not isinstance(event, BalanceChanged | BookChanged)]
        for index, event in enumerate(shown):
            expected = predicted.events[index] if index < len(predicted.events) else None
            if expected != without_texts(event, expected):
                both = ("The model's events:", *map(in_short, predicted.events), "The engine's:", *map(in_short, shown))
                self.same(f"event {index}", expected, without_texts(event, expected), "\n".join(both))
            self.count(event)
            if self.listener is not None:
                self.listener(event)
        self.same("number of events", predicted.events, predicted.events[: len(shown)])
        for event in outcome.events:
            self.mirror(event)
        self.compare_state()

    def compare_state(self) -> None:
        held = {key: row for key, row in self.balances.items() if row != (0, 0)}
        self.same("balances", self.model.money.rows(), held)
        for symbol, market in self.model.markets.items():
            self.same(f"depth of {symbol}", market.depth(), self.books.get(symbol, ({}, {})))

    def same(self, what: str, expected: object, actual: object, more: str = "") -> None:
        if expected != actual:
            raise AssertionError(f"{what}:\n{differences(expected, actual)}\n{self.story()}\n{more}")

    def story(self) -> str:
        """The last steps; the whole story is what the name gives."""
        last = "\n".join(f"  {in_short(step)}" for step in self.steps[-12:])
        return f"{self.name} after {len(self.steps)} steps, the last of which:\n{last}"

    def count(self, event: Event) -> None:
        self.seen[type(event)] += 1
        if isinstance(event, OrderEnded):
            self.seen[event.reason] += 1
        if isinstance(event, OrderChanged):
            self.seen[event.change] += 1
            self.seen[event.order.end_reason] += 1
        if isinstance(event, MarketStateChanged):
            self.seen[event.state] += 1

    def mirror(self, event: Event) -> None:
        """Old book plus changes is the new book, without a gap; a balance is the last that was said."""
        if isinstance(event, BalanceChanged):
            self.balances[event.account_id, event.asset] = (event.available_units, event.locked_units)
        if isinstance(event, BookChanged):
            self.update_ids[event.market] += 1
            assert event.update_id == self.update_ids[event.market], self.story()
            book = self.books.setdefault(event.market, ({}, {}))
            for side, changes in zip(book, (event.bids, event.asks), strict=True):
                for price, lots in changes:
                    side[price] = lots
                    if lots == 0:
                        del side[price]

    def check_everything(self) -> None:
        """The engine's own invariants, its balances against what its events said, and a round trip through a dump."""
        self.engine.check_invariants()
        held = {(who, asset): (free, locked) for who, asset, free, locked in self.engine.balance_rows()}
        self.same("balances by events", held, {key: self.balances.get(key, (0, 0)) for key in held})
        open_orders = {order.order_id: order.view() for m in self.model.markets.values() for order in m.orders}
        self.same("open orders", open_orders, {view.order_id: view for view in self.engine.open_order_views()})

    def reload(self) -> None:
        """Go on with an engine that was dumped, encoded and loaded."""
        self.engine = self.copy_of_engine()

    def copy_of_engine(self) -> Engine:
        dumped = self.engine.dump()
        loaded = Engine.load(msgspec.msgpack.decode(codec.encode(dumped)))
        assert loaded.dump() == dumped, self.story()
        return loaded


def without_texts(event: Event, expected: Event | None) -> Event:
    """What the engine does by itself it says in its own words; the model does not predict them."""
    if isinstance(event, MarketStateChanged) and isinstance(expected, MarketStateChanged) and not expected.reason:
        return structs.replace(event, actor="", reason="")
    if isinstance(event, AuctionStarted) and isinstance(expected, AuctionStarted) and not expected.reason:
        return structs.replace(event, reason="")
    return event


def alike(reply: Reply) -> Reply:
    """The rules do not say in which order the checks of form come, so any of their reasons is as good as another."""
    if isinstance(reply, BatchReply):
        return BatchReply(replies=[alike(step) for step in reply.replies])
    if isinstance(reply, Refused) and reply.reason in FORM:
        return Refused(reason=RefusalReason.INVALID_PARAMETER)
    return reply


def differences(expected: object, actual: object) -> str:
    """What the two say, in short: of two records of one kind only the members that differ."""
    if type(expected) is type(actual) and isinstance(expected, msgspec.Struct):
        rows = []
        for name in expected.__struct_fields__:
            one, other = getattr(expected, name), getattr(actual, name)
            if one != other and isinstance(one, msgspec.Struct | list):
                rows.append(f"{differences(one, other)}")
            elif one != other:
                rows.append(f"  {name}: the model says {in_short(one)}, the engine says {in_short(other)}")
        where = "" if isinstance(expected, OrderReply | OrdersReply | BatchReply) else f"  in {in_short(actual)}\n"
        return where + "\n".join(rows)
    if isinstance(expected, dict) and isinstance(actual, dict):
        keys = [key for key in {**expected, **actual} if expected.get(key) != actual.get(key)]
        return "\n".join(
            f"  {key}: the model says {in_short(expected.get(key))}, the engine says {in_short(actual.get(key))}"
            for key in keys
        )
    if isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = zip(expected, actual, strict=True)
        return "\n".join(differences(one, other) for one, other in pairs if one != other)
    return f"  the model says  {in_short(expected)}\n  the engine says {in_short(actual)}"


def in_short(value: object) -> str:
    """A record with the members that say something, a word as it is written."""
    if isinstance(value, msgspec.Struct):
        members = ((name, getattr(value, name)) for name in value.__struct_fields__)
        told = " ".join(f"{name}={in_short(member)}" for name, member in members if member is not None)
        return f"{type(value).__name__}({told})"
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, list | tuple):
        return "[" + ", ".join(in_short(member) for member in value) + "]"
    return str(value)
