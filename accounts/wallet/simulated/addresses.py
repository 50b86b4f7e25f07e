"""Addresses of the simulated chains: a prefix, 20 bytes in base 32, and 6 characters that catch typing mistakes."""

import base64
import hashlib

_PREFIXES = {"Solana": "sol", "Bitcoin": "btc", "Ethereum": "eth"}
_BODY, _CHECK = 32, 6


def prefix_of(blockchain: str) -> str:
    return "sim" + _PREFIXES.get(blockchain, blockchain.lower()[:8]) + "1"


def make_address(blockchain: str, seed: str) -> str:
    """The address that belongs to a seed; the same seed gives the same one."""
    body = _text(hashlib.sha256(f"{blockchain}|{seed}".encode()).digest()[:20])
    prefix = prefix_of(blockchain)
    return prefix + body + _check(prefix + body)


def is_valid(blockchain: str, address: str) -> bool:
    prefix = prefix_of(blockchain)
    if not address.startswith(prefix) or len(address) != len(prefix) + _BODY + _CHECK:
        return False
    return _check(address[:-_CHECK]) == address[-_CHECK:]


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().lower()


def _check(text: str) -> str:
    return _text(hashlib.sha256(text.encode()).digest())[:_CHECK]
