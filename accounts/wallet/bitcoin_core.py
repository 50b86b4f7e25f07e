"""Bitcoin Core over JSON-RPC: a watching descriptor wallet for everybody, and a paying one for the signer.

Amounts are read as exact decimals and counted in satoshi. A payment is funded and signed, kept by the caller, and only
then sent: a lost answer of `sendmany` could not be told from a payment that never was.
"""

import base64
import http.client
import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from accounts.wallet.chain import ChainError, Changes, Confirmed, Incoming, Payment, PaymentRefused, Signed
from exchange_site.kernel.money import from_units

SYMBOL, DECIMALS = "BTC", 8
SATOSHI = 10**DECIMALS
TIMEOUT_S = 20
MAX_ANSWER_BYTES = 64 * 1024 * 1024
NOTHING_MORE = 2**62  # `removed` says what is gone; no listing is promised to be complete.

UNKNOWN = -5  # No such transaction, block or address.
WALLET_ERROR, INSUFFICIENT_FUNDS = -4, -6
VERIFY_ERROR, VERIFY_REJECTED, ALREADY_IN_CHAIN = -25, -26, -27


class RpcError(ChainError):
    """The node said no. `code` is its own."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code


class Rpc:
    """One wallet of one node. Every call is one connection, so a broken one hurts only itself."""

    def __init__(self, url: str, wallet: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ChainError("The address of the Bitcoin node must be http://user:password@host:port.")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or 8332
        login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        self._authorization = "Basic " + base64.b64encode(login.encode()).decode()
        self._path = f"/wallet/{quote(wallet, safe='')}"

    def call(self, method: str, *params: Any) -> Any:
        """The result. Raises RpcError when the node refused, ChainError when it gave no answer that can be read."""
        body = json.dumps({"jsonrpc": "1.0", "id": method, "method": method, "params": params})
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=TIMEOUT_S)
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        try:
            connection.request("POST", self._path, body, headers)
            response = connection.getresponse()
            raw = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise ChainError(f"The Bitcoin node gave no answer to {method}: {error!r}") from error
        finally:
            connection.close()
        if len(raw) > MAX_ANSWER_BYTES:
            raise ChainError(f"The Bitcoin node's answer to {method} is larger than {MAX_ANSWER_BYTES} bytes.")
        return _result(method, response.status, raw)


def _result(method: str, status: int, raw: bytes) -> Any:
    try:
        answer = json.loads(raw, parse_float=Decimal)
        error, result = answer.get("error"), answer.get("result")
    except (ValueError, AttributeError):
        raise ChainError(f"The Bitcoin node answered {method} with HTTP {status} and no JSON.") from None
    if error is not None:
        raise RpcError(method, int(error.get("code", 0)), str(error.get("message", ""))[:500])
    if status != 200:
        raise ChainError(f"The Bitcoin node answered {method} with HTTP {status}.")
    return result


def satoshi(amount: Decimal | int) -> int:
    """Raises ChainError for anything finer than one satoshi."""
    units = Decimal(amount) * SATOSHI
    if units != int(units):
        raise ChainError(f"{amount} is not a whole number of satoshi.")
    return int(units)


class BitcoinCore:
    """Implements `accounts.wallet.chain.Chain` with a wallet that has no private keys."""

    blockchain = "Bitcoin"
    fee_asset = SYMBOL

    def __init__(self, rpc: Rpc, cold: Rpc | None = None) -> None:
        self._rpc = rpc
        self._cold = cold

    def is_valid_address(self, address: str) -> bool:
        return bool(self._rpc.call("validateaddress", address).get("isvalid"))

    def new_address(self, account_id: int) -> str:
        return str(self._rpc.call("getnewaddress", f"account {account_id}", "bech32"))

    def wallet_address(self) -> str | None:
        return None

    def cold_address(self) -> str | None:
        return None

    def changes_since(self, cursor: str, watched_depth: int) -> Changes:
        try:
            found = self._rpc.call("listsinceblock", cursor, watched_depth, True, True)
        except RpcError as error:
            if error.code != UNKNOWN or not cursor:
                raise
            found = self._rpc.call("listsinceblock", "", watched_depth, True, True)  # Another chain or a new node.
        rows = [row for row in found["transactions"] if row["category"] == "receive"]
        incoming = [_incoming(row) for row in rows if row["confirmations"] >= 0 and not row.get("abandoned")]
        gone = [(row["txid"], row["vout"]) for row in found.get("removed", []) if row["category"] == "receive"]
        height = int(self._rpc.call("getblockcount"))
        return Changes(incoming, gone, found["lastblock"], height, complete_above=NOTHING_MORE)

    def confirmed(self, transaction_hash: str) -> Confirmed | None:
        try:
            confirmations = int(self._rpc.call("gettransaction", transaction_hash, True)["confirmations"])
        except RpcError as error:
            if error.code == UNKNOWN:
                return None
            raise
        return None if confirmations < 0 else Confirmed(confirmations)

    def held_units(self, asset: str) -> int:
        if asset != SYMBOL:
            return 0
        mine = self._rpc.call("getbalances")["mine"]
        return satoshi(mine["trusted"]) + satoshi(mine["untrusted_pending"])

    def cold_units(self, asset: str) -> int:
        """What the wallet named for it holds, confirmed; nothing where none is named."""
        if asset != SYMBOL or self._cold is None:
            return 0
        return satoshi(self._cold.call("getbalances")["mine"]["trusted"])


def _incoming(row: dict[str, Any]) -> Incoming:
    return Incoming(
        transaction_hash=row["txid"],
        output_index=int(row["vout"]),
        address=row["address"],
        asset=SYMBOL,
        units=satoshi(row["amount"]),
        memo="",
        block_height=row.get("blockheight"),
        confirmations=int(row["confirmations"]),
    )


class PayingBitcoinCore:
    """Implements `accounts.wallet.chain.PayingChain` with the wallet that has the keys."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    def sign(self, payment: Payment) -> Signed:
        """The coins it spends stay locked in the node until it is restarted, so the next one takes others."""
        amount = from_units(payment.units, DECIMALS)
        options = {"lockUnspents": True, "replaceable": False, "add_inputs": True}
        try:
            funded = self._rpc.call("walletcreatefundedpsbt", [], [{payment.address: amount}], 0, options)
        except RpcError as error:
            if error.code in (WALLET_ERROR, INSUFFICIENT_FUNDS, UNKNOWN):
                raise PaymentRefused(str(error)) from error
            raise
        signed = self._rpc.call("walletprocesspsbt", funded["psbt"])
        final = self._rpc.call("finalizepsbt", signed["psbt"])
        if not final.get("complete"):
            raise PaymentRefused("The wallet could not sign every input.")
        decoded = self._rpc.call("decoderawtransaction", final["hex"])
        self._check(decoded, payment)
        return Signed(final["hex"], decoded["txid"], satoshi(funded["fee"]))

    def _check(self, decoded: dict[str, Any], payment: Payment) -> None:
        """What was signed pays whom it should: looked at in the bytes themselves."""
        paid = [
            satoshi(output["value"])
            for output in decoded["vout"]
            if output["scriptPubKey"].get("address") == payment.address
        ]
        if paid != [payment.units]:
            raise PaymentRefused(f"The signed transaction pays {paid} satoshi to the destination, not {payment.units}.")

    def send(self, signed: Signed) -> None:
        try:
            self._rpc.call("sendrawtransaction", signed.raw)
        except RpcError as error:
            if error.code == ALREADY_IN_CHAIN or (error.code in _REJECTED and self._has(signed.transaction_hash)):
                return
            if error.code in _REJECTED:
                raise PaymentRefused(str(error)) from error
            raise

    def _has(self, transaction_hash: str) -> bool:
        """Confirmed long ago and spent on: the node then says that its inputs are missing."""
        try:
            return int(self._rpc.call("gettransaction", transaction_hash, True)["confirmations"]) > 0
        except RpcError as error:
            if error.code == UNKNOWN:
                return False
            raise


_REJECTED = frozenset({VERIFY_ERROR, VERIFY_REJECTED})


def watching_wallet() -> BitcoinCore:
    url, cold = settings.WALLET_BITCOIN_RPC_URL, settings.WALLET_BITCOIN_RPC_COLD_WALLET
    return BitcoinCore(Rpc(url, settings.WALLET_BITCOIN_RPC_WALLET), Rpc(url, cold) if cold else None)


def signing_wallet() -> PayingBitcoinCore:
    """Raises ChainError in any process that was not given the signer's address."""
    return PayingBitcoinCore(Rpc(settings.SIGNER_BITCOIN_RPC_URL, settings.SIGNER_BITCOIN_RPC_WALLET))
