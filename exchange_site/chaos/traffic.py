"""The load: clients that ask until they are answered, probes that feel how long trading stands still, and an echo that
sends again what others have sent. All use the product's own client (`matching.client.blocking`)."""

import itertools
import queue
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

import msgspec

from exchange_site.chaos import workload
from exchange_site.chaos.ledger import Asked, Ledger, not_kept
from matching.client import blocking
from matching.client.blocking import NotAdmitted, OutcomeUnknown
from matching.messages import Command, OrderReply, PlaceOrder

CLIENTS = 3
PROBES = 2
CLIENT_TIMEOUT_S = 3.0
PROBE_TIMEOUT_S = 1.0
CLIENT_PAUSE_S = 0.03
PROBE_PAUSE_S = 0.02
NOT_ADMITTED_PAUSE_S = 0.03
ECHO_PERCENT = 4
CHANGED_PERCENT = 1
GIVE_UP_S = 60.0
ECHOES_WAITING = 200
ACCEPTED_KEPT = 500  # Of the probes' orders.


class Clients:
    """All threads that send. `pause` leaves the engine idle; `finish` returns when every command has its answer."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self.ledger = ledger
        self.stopping = threading.Event()
        self.going = threading.Event()
        self.going.set()
        self.give_up_at = float("inf")
        self.echoes: queue.Queue[list[Asked]] = queue.Queue(ECHOES_WAITING)
        self.accepted: deque[tuple[float, float]] = deque(maxlen=ACCEPTED_KEPT)  # (first sent at, accepted at).
        self.wishes = [workload.Wishes(seed, number) for number in range(CLIENTS)]
        self._threads: list[threading.Thread] = [
            *(Client(self, wishes, seed * 31 + number) for number, wishes in enumerate(self.wishes)),
            *(Probe(self, number) for number in range(PROBES)),
            Echo(self, seed),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def first_accepted_after(self, moment: float) -> float | None:
        """When the first probe order that was sent after `moment` was accepted."""
        found = [accepted for sent, accepted in list(self.accepted) if sent >= moment]
        return min(found, default=None)

    def also_wait_for(self, thread: threading.Thread) -> None:
        """Of a thread that settles something on the side, before the end."""
        self._threads.append(thread)

    def finish(self, meanwhile: Callable[[], None]) -> None:
        """No new commands; wait for the answers to those under way, calling `meanwhile` often."""
        self.give_up_at = time.monotonic() + GIVE_UP_S
        self.stopping.set()
        self.going.set()
        while any(thread.is_alive() for thread in self._threads) and time.monotonic() < self.give_up_at + 5:
            meanwhile()
            time.sleep(0.01)

    def settle(self, asked: list[Asked], timeout_s: float) -> bool:
        """Send, and send again with the same keys, until there is an answer. False when it is too late for that."""
        commands = [one.command for one in asked]
        while time.monotonic() < self.give_up_at:
            try:
                self.ledger.sent(asked)
                self.ledger.answered(asked, blocking.send_many(commands, timeout_s))
                return True
            except NotAdmitted as error:
                self.ledger.not_admitted(asked, error.reason)
                time.sleep(NOT_ADMITTED_PAUSE_S)
            except OutcomeUnknown:
                self.ledger.unknown(asked)
        return False


class _Sender(threading.Thread, ABC):
    def __init__(self, clients: Clients, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.clients = clients

    def run(self) -> None:
        while not self.clients.stopping.is_set():
            self.clients.going.wait()
            try:
                self.act()
            except Exception as error:  # noqa: BLE001 - the audit reports every one of them.
                self.clients.ledger.surprise(error)
                self.clients.stopping.wait(0.1)

    @abstractmethod
    def act(self) -> None:
        """One request, or whatever this client does next."""


class Client(_Sender):
    """Sends a request, waits for its answers, and now and then tries to change what a used key stands for."""

    def __init__(self, clients: Clients, wishes: workload.Wishes, seed: int) -> None:
        super().__init__(clients, wishes.name)
        self.wishes = wishes
        self.rng = random.Random(seed)

    def act(self) -> None:
        asked = self.clients.ledger.ask(self.wishes.next())
        if self.rng.randrange(100) < ECHO_PERCENT and not self.clients.echoes.full():
            self.clients.echoes.put(asked)
        if not self.clients.settle(asked, CLIENT_TIMEOUT_S):
            return
        for one in asked:
            if self.rng.randrange(100) < CHANGED_PERCENT:
                self._change(one)
        self.clients.stopping.wait(self.rng.random() * 2 * CLIENT_PAUSE_S)

    def _change(self, asked: Asked) -> None:
        command = asked.command
        if not isinstance(command, PlaceOrder) or command.quantity_lots is None or not_kept(asked.answers[-1].reply):
            return
        other: Command = msgspec.structs.replace(command, quantity_lots=command.quantity_lots + 1)
        try:
            answer = blocking.send(other, CLIENT_TIMEOUT_S)
        except (NotAdmitted, OutcomeUnknown):
            return  # Whether it was refused is asked of the journal in the audit.
        self.clients.ledger.changed_content(asked.key, answer.reply)


class Probe(_Sender):
    """One order after the other in a market of its own, which nobody halts."""

    def __init__(self, clients: Clients, number: int) -> None:
        super().__init__(clients, f"probe{number}")
        self.number = number
        self.indexes = itertools.count()

    def act(self) -> None:
        asked = self.clients.ledger.ask([workload.probe_order(self.number, next(self.indexes))])
        if self.clients.settle(asked, PROBE_TIMEOUT_S):
            told = asked[0].answers[-1]
            if isinstance(told.reply, OrderReply):
                self.clients.accepted.append((asked[0].first_sent_at, told.at))
            else:
                self.clients.ledger.surprise(ValueError(f"The probe's order {asked[0].key} got {told.reply}."))
        self.clients.stopping.wait(PROBE_PAUSE_S)


class Echo(_Sender):
    """Sends once more what another client has sent or is just sending: a request that the network doubled."""

    def __init__(self, clients: Clients, seed: int) -> None:
        super().__init__(clients, "echo")
        self.rng = random.Random(seed * 7 + 5)

    def act(self) -> None:
        try:
            asked = self.clients.echoes.get(timeout=0.1)
        except queue.Empty:
            return
        self.clients.stopping.wait(self.rng.random() * 0.3)
        ledger = self.clients.ledger
        try:
            ledger.sent(asked)
            ledger.answered(asked, blocking.send_many([one.command for one in asked], CLIENT_TIMEOUT_S))
        except NotAdmitted as error:
            ledger.not_admitted(asked, error.reason)
        except OutcomeUnknown:
            ledger.unknown(asked)
