"""The market maker against a small exchange of its own: signing, healing, refusals, leaving."""

import base64
import json
import logging
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any

import pytest
from django.conf import settings

from matching.messages import Side
from trading.market_maker.client import ApiClient, Away, ClientKey, Refused
from trading.market_maker.desk import LOW_FUNDS_PAUSE_MS, PAUSE_MS, Desk
from trading.market_maker.loop import MarketMaker
from trading.market_maker.quiet_log import QuietLog
from trading.market_maker.quoting import QuoteSettings
from trading.tests.test_market_maker_quoting import instrument_of

SEED = base64.b64encode(bytes(range(32))).decode()
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
PLENTY = {asset: {"available": "500000", "locked": "0", "staked": "0"} for asset in ("SOL", "USDC")}
DEADLINE_S = 20


def key() -> ClientKey:
    return ClientKey(PUBLIC_KEY, SEED)


# ---------------------------------------------------------------------------------------------------------- signing


def test_signatures_are_those_of_the_published_vectors():
    order = {
        "symbol": "SOL_USDC",
        "side": "Bid",
        "orderType": "Limit",
        "price": "20.15",
        "quantity": "0.5",
        "postOnly": True,
        "clientId": 7,
    }
    batch = [
        {"symbol": "SOL_USDC", "side": "Bid", "orderType": "Limit", "price": "20.15", "quantity": "0.5"},
        {"symbol": "SOL_USDC", "side": "Ask", "orderType": "Market", "quantity": "0.5"},
    ]
    stamp = 1750000000000
    assert key().headers("GET", "/api/v1/capital", [{}], stamp) == {
        "X-API-Key": PUBLIC_KEY,
        "X-Signature": "i+8ma2GvgntNoAQMACCYj8OzQXanIELkOY9Yn/AqXA4bbKbJiVv4gTeIYOe25q9JYpujSkhLMEfjZVVC+BjyAw==",
        "X-Timestamp": "1750000000000",
        "X-Window": "5000",
    }
    assert key().headers("POST", "/api/v1/order", [order], stamp)["X-Signature"] == (
        "wGCjvPfFXACTVKsqYoKGGILFrFc0rSa+EFYHA6mTqVamPGS9Y7Su/Fy6OWlBvAYXGNKMr8R7yFzsNDEn9X+fBQ=="
    )
    assert key().headers("POST", "/api/v1/orders", batch, stamp)["X-Signature"] == (
        "hNz37S61YovIKmGV1/ptX7dAFF2VBb5H/jAJJZfcC10/BMDWmuNbcvLR2TpnpWiW+3KxXK5TwGvz/CP2HhrpBQ=="
    )


def test_key_files_are_read_and_bad_ones_named(tmp_path):
    path = tmp_path / "market_maker.json"
    path.write_text(json.dumps({"public_key": PUBLIC_KEY, "secret": SEED}))
    assert ClientKey.read(path).public_key == PUBLIC_KEY
    path.write_text(json.dumps({"public_key": PUBLIC_KEY}))
    with pytest.raises(ValueError, match=r"market_maker\.json is not a key file"):
        ClientKey.read(path)


# ------------------------------------------------------------------------------------------------------ one desk


class Venue:
    """A stand-in for ApiClient that keeps one market's orders of one account; `refuse` names codes for next orders."""

    def __init__(self) -> None:
        self.orders: dict[str, dict[str, Any]] = {}
        self.placed: list[dict[str, Any]] = []
        self.refuse: dict[str, str] = {}  # Side -> code.
        self.down: Exception | None = None
        self.cancelled_all = 0
        self._serial = 0

    def open_orders(self, symbol: str) -> list[dict[str, Any]]:
        if self.down:
            raise self.down
        return list(self.orders.values())

    def place_batch(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._place(order) for order in orders]

    def place(self, order: dict[str, Any]) -> dict[str, Any]:
        answer = self._place(order)
        if answer.get("operation") == "Err":
            raise Refused(400, answer["code"], answer["message"])
        return answer

    def _place(self, order: dict[str, Any]) -> dict[str, Any]:
        self.placed.append(order)
        if code := self.refuse.get(order["side"] if order.get("postOnly") else "taker"):
            return {"operation": "Err", "code": code, "message": "No."}
        self._serial += 1
        made = {**order, "id": str(self._serial), "executedQuantity": "0", "operation": "Ok"}
        if "timeInForce" not in order:
            self.orders[made["id"]] = made
        return made

    def cancel(self, symbol: str, order_id: str) -> dict[str, Any]:
        if order_id not in self.orders:
            raise Refused(404, "RESOURCE_NOT_FOUND", "Not Found")
        return self.orders.pop(order_id)

    def cancel_all(self, symbol: str) -> list[dict[str, Any]]:
        self.cancelled_all += 1
        gone, self.orders = list(self.orders.values()), {}
        return gone


def desk_at(now_ms: int = 0) -> Desk:
    instrument = instrument_of("SOL_USDC")
    config = QuoteSettings.of(settings.MARKET_MAKER["markets"]["SOL_USDC"], instrument)
    return Desk(instrument, config, Random(1), "0", now_ms)


def test_a_desk_fills_the_book_and_keeps_it_full_while_prices_move_and_orders_fill():
    venue, desk, rng = Venue(), desk_at(), Random(2)
    for now in range(0, 300_000, 1_500):
        desk.refresh(venue, PLENTY, now)
        for order_id in [order_id for order_id in venue.orders if rng.random() < 0.02]:
            del venue.orders[order_id]
        bids = [Decimal(o["price"]) for o in venue.orders.values() if o["side"] == "Bid"]
        asks = [Decimal(o["price"]) for o in venue.orders.values() if o["side"] == "Ask"]
        assert min(len(set(bids)), len(set(asks))) >= 11
        assert max(bids) < min(asks)
    assert all(order["postOnly"] for order in venue.placed)
    assert desk.refreshed


def test_an_order_filled_while_being_cancelled_is_no_trouble():
    venue, desk = Venue(), desk_at()
    desk.refresh(venue, PLENTY, 0)
    ghost = {"id": "gone", "side": "Bid", "price": "168.90", "quantity": "1", "executedQuantity": "0"}
    venue.open_orders = lambda symbol: [*venue.orders.values(), ghost]  # type: ignore[method-assign]
    desk.refresh(venue, PLENTY, 1_500)
    assert desk.refresh_at_ms == 3_000


def test_low_funds_pause_one_side_only():
    venue, desk = Venue(), desk_at()
    venue.refuse = {"Bid": "INSUFFICIENT_FUNDS"}
    desk.refresh(venue, PLENTY, 0)
    assert {order["side"] for order in venue.orders.values()} == {"Ask"}
    venue.placed.clear()
    venue.orders.clear()
    desk.refresh(venue, PLENTY, 1_500)
    assert {order["side"] for order in venue.placed} == {"Ask"}
    venue.refuse = {}
    desk.refresh(venue, PLENTY, LOW_FUNDS_PAUSE_MS)
    assert {order["side"] for order in venue.orders.values()} == {"Ask", "Bid"}


def test_a_better_offer_than_its_own_quote_is_taken():
    venue, desk = Venue(), desk_at()
    venue.refuse = {"Ask": "INVALID_ORDER"}
    desk.refresh(venue, PLENTY, 0)
    taken = [order for order in venue.placed if order.get("timeInForce") == "IOC"]
    best_ask = next(order for order in venue.placed if order["side"] == "Ask")
    assert [(order["side"], order["price"]) for order in taken] == [("Ask", best_ask["price"])]


def test_a_halted_market_pauses_the_desk():
    venue, desk = Venue(), desk_at()
    venue.down = Refused(503, "TRADING_PAUSED", "Trading in this market is halted")
    desk.refresh(venue, PLENTY, 0)
    assert desk.refresh_at_ms == PAUSE_MS
    assert not desk.refreshed


def test_takers_are_protected_ioc_orders_and_pause_when_out_of_funds():
    venue, desk = Venue(), desk_at()
    for now in range(0, 100_000, 1_000):
        desk.take(venue, PLENTY, now)
    assert {order["timeInForce"] for order in venue.placed} == {"IOC"}
    assert {order["side"] for order in venue.placed} == {side.value for side in Side}
    venue.placed.clear()
    venue.refuse = {"taker": "INSUFFICIENT_FUNDS"}
    for now in range(100_000, 129_000, 1_000):
        desk.take(venue, PLENTY, now)
    assert len(venue.placed) == 2


# ------------------------------------------------------------------------------------------- client over a socket


class Script(BaseHTTPRequestHandler):
    """Answers from `server.answers` (status, headers, body), the last one for ever, and keeps what was asked."""

    protocol_version = "HTTP/1.1"
    server: "ScriptedServer"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.server.asked.append((self.command, self.path, self.rfile.read(length)))
        status, headers, body = self.server.answers[0]
        if len(self.server.answers) > 1:
            self.server.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *args: object) -> None:
        """Tests read `asked` instead."""


class ScriptedServer(ThreadingHTTPServer):
    answers: list[tuple[int, dict[str, str], bytes]]
    asked: list[tuple[str, str, bytes]]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    made = ScriptedServer(("127.0.0.1", 0), Script)
    made.answers, made.asked = [(200, {}, b"[]")], []
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def client_of(server: ScriptedServer, timeout_ms: int = 3_000) -> ApiClient:
    return ApiClient(f"http://127.0.0.1:{server.server_port}", key(), timeout_ms)


def test_delete_carries_a_body_and_get_a_query(server):
    client = client_of(server)
    client.cancel_all("SOL_USDC")
    client.open_orders("SOL_USDC")
    assert server.asked == [
        ("DELETE", "/api/v1/orders", b'{"symbol":"SOL_USDC"}'),
        ("GET", "/api/v1/orders?symbol=SOL_USDC", b""),
    ]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b'{"code":"INVALID_ORDER","message":"No"}', Refused),
        (401, b'{"code":"UNAUTHORIZED","message":"No"}', Refused),
        (503, b'{"code":"TRADING_PAUSED","message":"No"}', Refused),
        (503, b'{"code":"MAINTENANCE","message":"No"}', Away),
        (504, b'{"code":"TIMEOUT","message":"No"}', Away),
        (500, b"<html>", Away),
        (200, b"not json", Away),
    ],
)
def test_refusals_and_absence_are_told_apart(server, status, body, error):
    server.answers = [(status, {}, body)]
    with pytest.raises(error):
        client_of(server).cancel_all("SOL_USDC")


def test_it_waits_as_long_as_it_was_asked_to(server):
    server.answers = [(429, {"Retry-After": "7"}, b'{"code":"TOO_MANY_REQUESTS","message":"Slower"}')]
    with pytest.raises(Away) as caught:
        client_of(server).markets()
    assert caught.value.retry_after_s == 7


def test_no_server_is_away_and_the_same_client_works_once_it_is_back(server):
    client = client_of(server)
    client.markets()
    client._connection.sock.close()  # The line is cut under the client.
    client._connection.sock = None
    with pytest.raises(Away):
        ApiClient("http://127.0.0.1:1", key(), 500).markets()
    assert client.markets() == []


# ------------------------------------------------------------------------------------------------------ the loop


class FlakyVenue(Venue):
    """Fails the first requests, then serves one market."""

    def __init__(self, stop: threading.Event, failures: int) -> None:
        super().__init__()
        self.failures = failures
        self.rounds = 0
        self.stop = stop
        self.closed = False

    def markets(self) -> list[dict[str, Any]]:
        if self.failures:
            self.failures -= 1
            raise Away("no answer", 0)
        price = {"tickSize": "0.01"}
        quantity = {"stepSize": "0.01", "minQuantity": "0.01"}
        filters = {"price": price, "quantity": quantity}
        return [{"symbol": "SOL_USDC", "baseSymbol": "SOL", "quoteSymbol": "USDC", "filters": filters}]

    def last_price(self, symbol: str) -> str:
        return "168.00"

    def capital(self) -> dict[str, dict[str, str]]:
        return PLENTY

    def place_batch(self, orders: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = super().place_batch(orders)
        self.rounds += 1
        self.stop.set()
        return answers

    def set_timeout_ms(self, timeout_ms: int) -> None:
        assert timeout_ms <= 1_000

    def close(self) -> None:
        self.closed = True


def test_the_loop_outlives_an_absent_exchange_and_leaves_no_order_behind():
    stop = threading.Event()
    maker, taker = FlakyVenue(stop, failures=1), FlakyVenue(stop, failures=0)
    loop = MarketMaker(settings.MARKET_MAKER, maker, taker, stop)  # type: ignore[arg-type]
    thread = threading.Thread(target=loop.run)
    thread.start()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert maker.rounds == 1
    assert maker.orders == {}
    assert maker.cancelled_all == 2  # At the start and at the end.
    assert maker.closed
    assert taker.closed


def test_the_same_trouble_is_logged_once_in_a_while(caplog):
    quiet = QuietLog(logging.getLogger("market-maker-test"), every_s=1_000)
    for _ in range(50):
        quiet.warning("away", "No answer.")
    quiet.warning("other", "Something else.")
    assert [record.getMessage() for record in caplog.records] == ["No answer.", "Something else."]
