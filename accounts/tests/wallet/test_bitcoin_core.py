"""The Bitcoin Core adapter against a node that follows a script: over real HTTP, call by call."""

import base64
import json
import threading
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from accounts.wallet.bitcoin_core import BitcoinCore, PayingBitcoinCore, Rpc, RpcError, satoshi
from accounts.wallet.chain import ChainError, Confirmed, Incoming, Payment, PaymentRefused, Signed

ADDRESS = "bcrt1qexample"
PAYMENT = Payment(reference="w1", address=ADDRESS, memo="", asset="BTC", units=12_345_678)
RAW = Signed("0200beef", "aa" * 32, 1_410)


class Node(BaseHTTPRequestHandler):
    def do_POST(self):
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        server = self.server
        server.seen.append((call["method"], *call["params"]))
        server.headers_seen.append((self.path, self.headers["Authorization"]))
        method, answer = server.script.pop(0)
        assert method == call["method"], (method, call)
        status, body = 200, answer
        if isinstance(answer, int) and answer < 0:
            status, body = 500, {"result": None, "error": {"code": answer, "message": "no"}, "id": call["id"]}
        elif not isinstance(answer, bytes):
            body = {"result": answer, "error": None, "id": call["id"]}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def node():
    server = HTTPServer(("127.0.0.1", 0), Node)
    server.script, server.seen, server.headers_seen = [], [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    assert server.script == [], "the script was not played to its end"


@pytest.fixture
def rpc(node):
    return Rpc(f"http://us%40er:pass@127.0.0.1:{node.server_port}", "my wallet")


def received(**changes):
    row = {"category": "receive", "txid": "aa" * 32, "vout": 1, "address": ADDRESS, "amount": 0.1, "confirmations": 2,
           "blockheight": 101, "label": "account 7"}  # fmt: skip
    return {**row, **changes}


def test_it_logs_in_to_its_wallet(node, rpc):
    node.script = [("getnewaddress", ADDRESS)]
    assert BitcoinCore(rpc).new_address(7) == ADDRESS
    assert node.headers_seen == [("/wallet/my%20wallet", "Basic " + base64.b64encode(b"us@er:pass").decode())]
    assert node.seen == [("getnewaddress", "account 7", "bech32")]


def test_deposits_since_a_block_with_exact_amounts(node, rpc):
    raw = json.dumps({"result": {"transactions": [
        received(amount="AMOUNT"), received(vout=2, category="send"), received(vout=3, confirmations=-1),
        received(vout=4, confirmations=0, blockheight=None), received(vout=5, abandoned=True),
    ], "removed": [received(txid="bb" * 32, vout=0)], "lastblock": "cc" * 32}, "error": None}).replace(
        '"AMOUNT"', "20999999.97690000")  # fmt: skip
    node.script = [("listsinceblock", raw.encode()), ("getblockcount", 102)]
    changes = BitcoinCore(rpc).changes_since("dd" * 32, 24)
    assert node.seen[0] == ("listsinceblock", "dd" * 32, 24, True, True)
    assert changes.incoming == [
        Incoming("aa" * 32, 1, ADDRESS, "BTC", 2_099_999_997_690_000, "", 101, 2),
        Incoming("aa" * 32, 4, ADDRESS, "BTC", 10_000_000, "", None, 0),
    ]
    assert (changes.gone, changes.cursor, changes.height) == ([("bb" * 32, 0)], "cc" * 32, 102)


def test_a_cursor_the_node_does_not_know_begins_anew(node, rpc):
    nothing = {"transactions": [], "removed": [], "lastblock": "ee"}
    node.script = [("listsinceblock", -5), ("listsinceblock", nothing), ("getblockcount", 1)]
    assert BitcoinCore(rpc).changes_since("dd" * 32, 24).cursor == "ee"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [({"confirmations": 3}, Confirmed(3)), ({"confirmations": 0}, Confirmed(0)), ({"confirmations": -2}, None),
     (-5, None)],
)  # fmt: skip
def test_how_deep_a_payment_is(node, rpc, answer, expected):
    node.script = [("gettransaction", answer)]
    assert BitcoinCore(rpc).confirmed("aa") == expected


def test_what_the_wallet_holds(node, rpc):
    node.script = [("getbalances", {"mine": {"trusted": 1.5, "untrusted_pending": 0.1, "immature": 50}})]
    assert BitcoinCore(rpc).held_units("BTC") == 160_000_000


def signing_script(paid="0.12345678", complete=True):
    output = {"value": float(paid), "scriptPubKey": {"address": ADDRESS}}
    change = {"value": 0.5, "scriptPubKey": {"address": "bcrt1qchange"}}
    return [
        ("walletcreatefundedpsbt", {"psbt": "cHN1", "fee": 0.0000141, "changepos": 1}),
        ("walletprocesspsbt", {"psbt": "cHN2", "complete": True}),
        ("finalizepsbt", {"hex": RAW.raw, "complete": complete}),
        ("decoderawtransaction", {"txid": RAW.transaction_hash, "vout": [output, change]}),
    ]


def test_a_payment_is_funded_signed_and_looked_at_before_it_is_kept(node, rpc):
    node.script = signing_script()
    assert PayingBitcoinCore(rpc).sign(PAYMENT) == RAW
    assert node.seen[0][:4] == ("walletcreatefundedpsbt", [], [{ADDRESS: "0.12345678"}], 0)
    assert node.seen[0][4]["lockUnspents"] is True
    assert all(method != "sendrawtransaction" for method, *_ in node.seen)


def test_what_pays_somebody_else_is_not_sent(node, rpc):
    node.script = signing_script(paid="0.12345677")
    with pytest.raises(PaymentRefused, match="not 12345678"):
        PayingBitcoinCore(rpc).sign(PAYMENT)


def test_what_cannot_be_signed_completely_is_refused(node, rpc):
    node.script = signing_script(complete=False)[:3]
    with pytest.raises(PaymentRefused):
        PayingBitcoinCore(rpc).sign(PAYMENT)


@pytest.mark.parametrize("code", [-4, -6])
def test_too_little_in_the_wallet_is_for_a_person(node, rpc, code):
    node.script = [("walletcreatefundedpsbt", code)]
    with pytest.raises(PaymentRefused):
        PayingBitcoinCore(rpc).sign(PAYMENT)


def test_sending_the_same_bytes_again_is_done(node, rpc):
    paying = PayingBitcoinCore(rpc)
    node.script = [("sendrawtransaction", RAW.transaction_hash), ("sendrawtransaction", -27)]
    paying.send(RAW)
    paying.send(RAW)
    node.script = [("sendrawtransaction", -25), ("gettransaction", {"confirmations": 9})]
    paying.send(RAW)


@pytest.mark.parametrize("known", [-5, {"confirmations": -1}, {"confirmations": 0}])
def test_bytes_that_can_never_be_mined_are_for_a_person(node, rpc, known):
    node.script = [("sendrawtransaction", -25), ("gettransaction", known)]
    with pytest.raises(PaymentRefused):
        PayingBitcoinCore(rpc).send(RAW)


def test_a_node_that_is_away_busy_or_talks_nonsense_is_tried_again_later(node, rpc):
    node.script = [("sendrawtransaction", -28), ("sendrawtransaction", b"<html>"), ("sendrawtransaction", b"[]")]
    for _ in range(3):
        with pytest.raises(ChainError) as error:
            PayingBitcoinCore(rpc).send(RAW)
        assert not isinstance(error.value, PaymentRefused)
    with pytest.raises(ChainError, match="no answer"):
        Rpc("http://u:p@127.0.0.1:9", "w").call("getblockcount")
    with pytest.raises(ChainError):
        Rpc("ftp://nowhere", "w")


def test_half_a_satoshi_is_a_fault(node, rpc):
    assert satoshi(Decimal("0.00000001")) == 1
    with pytest.raises(ChainError):
        satoshi(Decimal("0.000000001"))
    assert issubclass(RpcError, ChainError)
