"""Paying on a simulated chain: the signer's key, and the node that checks what it signed.

A payment is a text with a random nonce and an Ed25519 signature. The node takes a nonce once, so the same bytes take
place once; two signatures for one withdrawal would pay twice, as on a real chain.
"""

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.db import transaction

from accounts.wallet.chain import Payment, PaymentRefused, Signed
from accounts.wallet.simulated.chain import FEE_ASSETS, WALLET, Simulated
from accounts.wallet.simulated.models import SimulatedChain, SimulatedTransaction
from accounts.wallet.simulated.network import Network

FEES = {"Solana": 5_000, "Bitcoin": 1_500, "Ethereum": 21_000}  # Units of the chain's own coin for one payment.
KEY_FILE = "simulated.key"


class SignerKeysMissing(Exception):
    """This process is not the signer: it was not told where the keys are."""


def signer_key() -> Ed25519PrivateKey:
    """The wallet's key, made at the signer's first start. Raises SignerKeysMissing in any other process."""
    if not settings.SIGNER_DIR:
        raise SignerKeysMissing("SIGNER_DIR is set for the signer's process only.")
    path = Path(settings.SIGNER_DIR) / KEY_FILE
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())


class SimulatedWallet:
    """Implements `accounts.wallet.chain.PayingChain`."""

    def __init__(self, blockchain: str) -> None:
        self.blockchain = blockchain
        self._key = signer_key()
        self._announce()

    def _announce(self) -> None:
        """Whoever comes first is the wallet; from then on the chain takes payments with this key only."""
        public = self._key.public_key().public_bytes_raw().hex()
        SimulatedChain.objects.get_or_create(pk=self.blockchain)
        SimulatedChain.objects.filter(pk=self.blockchain, wallet_public_key="").update(wallet_public_key=public)

    def sign(self, payment: Payment) -> Signed:
        fee_units = FEES.get(self.blockchain, 0)
        content = {
            "blockchain": self.blockchain,
            "nonce": str(secrets.randbits(62)),
            "outputs": [[payment.address, payment.asset, str(payment.units), payment.memo]],
            "fee": str(fee_units),
            "reference": payment.reference,
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        signature = base64.b64encode(self._key.sign(text.encode())).decode()
        return Signed(raw=f"{text}\n{signature}", transaction_hash=_hash_of(text), fee_units=fee_units)

    def send(self, signed: Signed) -> None:
        accept(self.blockchain, signed.raw)


def _hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@transaction.atomic
def accept(blockchain: str, raw: str) -> None:
    """The node: takes a valid payment once. Raises PaymentRefused."""
    network = Network(blockchain)
    chain = network.locked()
    text, _, signature = raw.rpartition("\n")
    content = _checked(chain, text, signature)
    known = SimulatedTransaction.objects.filter(pk=_hash_of(text)).first()
    if known is not None:
        if known.evicted:
            network.send_again(known.pk)
        return
    outputs = [(address, asset, int(units), memo) for address, asset, units, memo in content["outputs"]]
    fee, fee_asset = int(content["fee"]), FEE_ASSETS.get(blockchain, "")
    needed: dict[str, int] = {fee_asset: fee} if fee else {}
    for _, asset, units, _ in outputs:
        needed[asset] = needed.get(asset, 0) + units
    for asset, units in needed.items():
        if Simulated(blockchain).held_units(asset) < units:
            raise PaymentRefused(f"The wallet on {blockchain} does not have {units} units of {asset}.")
    if SimulatedTransaction.objects.filter(chain=chain, sender=WALLET, nonce=int(content["nonce"])).exists():
        raise PaymentRefused("The nonce is spent.")
    network.add(chain, _hash_of(text), WALLET, int(content["nonce"]), outputs, fee, fee_asset)


def _checked(chain: SimulatedChain, text: str, signature: str) -> dict[str, Any]:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(chain.wallet_public_key))
        key.verify(base64.b64decode(signature), text.encode())
        content: dict[str, Any] = json.loads(text)
    except (InvalidSignature, ValueError):
        raise PaymentRefused("The payment is not signed by the wallet.") from None
    if content["blockchain"] != chain.pk:
        raise PaymentRefused("The payment is for another chain.")
    return content
