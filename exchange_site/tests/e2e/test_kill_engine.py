"""kill -9 of the engine under load, 20 times, against the clients' own record of every answer (G1, G2, G5, G6, G7).

Two accounts trade with each other at one price far from everybody else, so that the clients' record alone says what
their balances and open orders must be in the end: any order lost or executed twice would show.
"""

import json
import os
import random
import threading
from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exchange_site.tests.e2e.bots import Bot, KeyPair
from exchange_site.tests.e2e.running import RunningExchange, wait_until

KILLS = 20
MARKET = "SOL_USDC"
PASSWORD = "correct horse battery staple"
PRICE = "100"  # Fees of 0.01 SOL at 100 USDC are whole units, so many small trades cost what one large one does.
FAR_BID = "50"
MAKER_FEE, TAKER_FEE = Decimal("0.0008"), Decimal("0.001")
START = {"SOL": Decimal(5000), "USDC": Decimal(500000)}
DEADLINE_S = 60
MOST_OPEN = 120  # Of the 200 an account may have in a market.
BATCH = 10


@dataclass
class Record:
    """What one client was told, and only that."""

    bought: Decimal = Decimal(0)  # As taker: base taken, before the fee.
    spent: Decimal = Decimal(0)
    open_ids: set[str] = field(default_factory=set)
    order_ids: list[str] = field(default_factory=list)
    answers: int = 0
    refusals: dict[str, int] = field(default_factory=dict)

    def refused(self, code: str) -> None:
        self.refusals[code] = self.refusals.get(code, 0) + 1


class Client(threading.Thread, ABC):
    """Sends until told to stop; every request has a key of its own and is asked again until its answer is final."""

    def __init__(self, name: str, bot: Bot, stop: threading.Event) -> None:
        super().__init__(name=name)
        self.bot, self.record, self.failure = bot, Record(), ""
        self._stop_asked = stop
        self._serial = 0

    def key(self) -> str:
        self._serial += 1
        return f"{self.name}-{self._serial}"

    def run(self) -> None:
        try:
            while not self._stop_asked.is_set():
                self.act()
        except Exception as error:  # noqa: BLE001 - shown by the test, which fails on it.
            self.failure = repr(error)

    @abstractmethod
    def act(self) -> None:
        """Send one thing and note what was answered."""

    def place(self, order: dict[str, Any]) -> dict[str, Any] | None:
        answer = self.bot.final("POST", "/api/v1/order", order, self.key())
        self.record.answers += 1
        if answer.status != 200:
            self.record.refused(answer.body["code"])
            return None
        self.record.order_ids.append(answer.body["id"])
        return answer.body


class Rester(Client):
    """Places resting bids in batches and cancels some of them one by one."""

    def act(self) -> None:
        order = {"symbol": MARKET, "side": "Bid", "orderType": "Limit", "price": FAR_BID, "quantity": "1"}
        answer = self.bot.final("POST", "/api/v1/orders", [order] * BATCH, self.key())
        assert answer.status == 200, answer
        for each in answer.body:
            self.record.answers += 1
            if each["operation"] == "Ok":
                self.record.order_ids.append(each["id"])
                self.record.open_ids.add(each["id"])
            else:
                self.record.refused(each["code"])
        going = sorted(self.record.open_ids, key=int)[: 3 if len(self.record.open_ids) < MOST_OPEN else 3 * BATCH]
        for order_id in going:
            body = {"symbol": MARKET, "orderId": order_id}
            cancelled = self.bot.final("DELETE", "/api/v1/order", body, self.key())
            self.record.answers += 1
            assert cancelled.status == 200, cancelled
            assert cancelled.body["status"] == "Cancelled"
            self.record.open_ids.remove(order_id)


class Seller(Client):
    """Sells by resting orders of 0.05; what rests in the end is cancelled, and what traded is the taker's record."""

    def act(self) -> None:
        order = {"symbol": MARKET, "side": "Ask", "orderType": "Limit", "price": PRICE, "quantity": "0.05"}
        if len(self.record.order_ids) % 60 == 59:
            self.bot.final("DELETE", "/api/v1/orders", {"symbol": MARKET}, self.key())
        self.place(order)


class Buyer(Client):
    """Takes with IOC orders, so that every answer says exactly what was executed."""

    def act(self) -> None:
        order = {
            "symbol": MARKET,
            "side": "Bid",
            "orderType": "Limit",
            "price": PRICE,
            "quantity": "0.03",
            "timeInForce": "IOC",
        }
        made = self.place(order)
        if made is not None:
            assert made["status"] in {"Filled", "Expired"}, made
            self.record.bought += Decimal(made["executedQuantity"])
            self.record.spent += Decimal(made["executedQuoteQuantity"])


@pytest.fixture
def accounts(exchange: RunningExchange) -> dict[str, KeyPair]:
    made, commands = {}, []
    for name in ("rester", "seller", "buyer"):
        made[name] = KeyPair.make()
        email = f"{name}@example.org"
        commands += [("create_user", email, "--password", PASSWORD)]
        commands += [("fund", email, asset, str(amount)) for asset, amount in START.items()]
        commands += [("create_api_key", email, "--public-key", made[name].public, "--scopes", "read,trade")]
    exchange.manage_all(*commands)
    return made


CANCEL_WHAT_IS_OPEN = f"""
from django.core.management import call_command
from trading.models import Order
from trading.selectors import OPEN
staff = ("--actor", "operator@example.org", "--reason", "An empty book for a test")
for account in Order.objects.filter(market__symbol="{MARKET}", status__in=OPEN).values_list("account_id").distinct():
    call_command("account", str(account[0]), "cancel-all", "--market", "{MARKET}", *staff)
"""


@pytest.fixture
def quiet_market(exchange: RunningExchange) -> Iterator[None]:
    """Without the market maker and what other tests left, our three accounts are alone in the book."""
    exchange.stop("market_maker")
    exchange.manage("shell", "-c", CANCEL_WHAT_IS_OPEN)
    with urlopen(f"{exchange.url}/api/v1/depth?symbol={MARKET}") as answer:  # noqa: S310 - our own exchange.
        depth = json.load(answer)
    assert (depth["bids"], depth["asks"]) == ([], [])
    yield
    exchange.start("market_maker")


def bot_of(exchange: RunningExchange, pair: KeyPair) -> Bot:
    return Bot(exchange.url, pair.public, Ed25519PrivateKey.from_private_bytes(b64decode(pair.secret)))


def test_g01_kill_9_of_the_engine_20_times_loses_and_doubles_nothing(exchange: RunningExchange, accounts, quiet_market):
    rng = random.Random(os.environ.get("KILL_SEED", "20"))
    stop = threading.Event()
    clients = [
        Rester("rester", bot_of(exchange, accounts["rester"]), stop),
        Seller("seller", bot_of(exchange, accounts["seller"]), stop),
        Buyer("buyer", bot_of(exchange, accounts["buyer"]), stop),
    ]
    for client in clients:
        client.start()
    try:
        for kill in range(KILLS):
            kill_under_load(exchange, clients, rng, kill)
        until_progress(clients, 100, "after the last kill")
    finally:
        stop.set()
        for client in clients:
            client.join(DEADLINE_S * 2)
    assert [client.failure for client in clients] == ["", "", ""]
    rester, seller, buyer = (client.record for client in clients)
    check_orders(exchange, accounts, rester)
    check_money(exchange, accounts, buyer, seller, rester)
    report = json.loads(exchange.manage("reconcile", "--json"))
    assert not report.get("differences"), report
    held_up = sum(client.bot.held_up for client in clients)
    assert held_up >= KILLS, f"only {held_up} requests felt the {KILLS} deaths of the engine"


def until_progress(clients: list[Client], answers: int, what: str) -> None:
    """Every client has got that many more answers, or one failed (which ends the test at once)."""
    goals = [(client, client.record.answers + answers) for client in clients]
    wait_until(
        lambda: any(c.failure for c in clients) or all(c.record.answers >= goal for c, goal in goals),
        DEADLINE_S * 2,
        f"{answers} more answers for each client {what}",
    )
    failures = [client.failure for client in clients if client.failure]
    assert not failures, failures


def kill_under_load(exchange: RunningExchange, clients: list[Client], rng: random.Random, kill: int) -> None:
    until_progress(clients, rng.randint(5, 40), f"before kill {kill}")
    pid = exchange.kill("engine")
    wait_until(lambda: exchange.pid("engine") not in {None, pid}, DEADLINE_S, f"a new engine after kill {kill}")


def check_orders(exchange: RunningExchange, accounts: dict[str, KeyPair], rester: Record) -> None:
    """Open orders are exactly those placed and not cancelled; no order id was given out twice."""
    assert len(rester.order_ids) == len(set(rester.order_ids))
    found = bot_of(exchange, accounts["rester"]).final("GET", "/api/v1/orders", {"symbol": MARKET})
    assert {order["id"] for order in found.body} == rester.open_ids


def check_money(
    exchange: RunningExchange, accounts: dict[str, KeyPair], buyer: Record, seller: Record, rester: Record
) -> None:
    """Balances are what the answers add up to, fees included, to the last unit."""
    bot_of(exchange, accounts["seller"]).final("DELETE", "/api/v1/orders", {"symbol": MARKET})
    assert buyer.bought > 0, f"nothing was traded: {buyer.refusals} {seller.refusals}"
    assert buyer.spent == buyer.bought * Decimal(PRICE)
    expected = {
        "buyer": (START["SOL"] + buyer.bought * (1 - TAKER_FEE), START["USDC"] - buyer.spent, Decimal(0)),
        "seller": (START["SOL"] - buyer.bought, START["USDC"] + buyer.spent * (1 - MAKER_FEE), Decimal(0)),
        "rester": (START["SOL"], START["USDC"], len(rester.open_ids) * Decimal(FAR_BID)),
    }
    for name, (sol, usdc, locked) in expected.items():
        capital = bot_of(exchange, accounts[name]).final("GET", "/api/v1/capital", {}).body
        total = {asset: Decimal(row["available"]) + Decimal(row["locked"]) for asset, row in capital.items()}
        assert (total["SOL"], total["USDC"], Decimal(capital["USDC"]["locked"])) == (sol, usdc, locked), name
