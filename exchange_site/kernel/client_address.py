"""Where a request comes from. What a proxy says of it counts only when the proxy is one of ours (S32)."""

import ipaddress
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

FORWARDED_FOR, FORWARDED_PROTO = b"x-forwarded-for", b"x-forwarded-proto"
IPV6_SUBSCRIBER_BITS = 64  # One subscriber has at least that much to draw addresses from.
MAX_HOPS = 8


@lru_cache(maxsize=8)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def _is_in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _parsed(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def is_proxy(host: str) -> bool:
    """Whether a connection from this address comes from one of our proxies."""
    peer = _parsed(host)
    return peer is not None and _is_in(peer, _networks(tuple(settings.TRUSTED_PROXIES)))


def believed(scope: dict[str, Any]) -> dict[str, Any]:
    """The scope with the client's own address and scheme.

    From a trusted proxy they are in its headers: the last address there that is not a trusted proxy's. From anybody
    else such headers are removed, so that nobody further in can fall for them.
    """
    forwarded = proto = None
    for name, value in scope["headers"]:
        if name == FORWARDED_FOR:
            forwarded = value if forwarded is None else forwarded + b"," + value
        elif name == FORWARDED_PROTO:
            proto = value
    if forwarded is None and proto is None:
        return scope
    networks = _networks(tuple(settings.TRUSTED_PROXIES))
    client = scope.get("client")
    peer = _parsed(client[0]) if client else None
    if peer is None or not _is_in(peer, networks):
        headers = [pair for pair in scope["headers"] if pair[0] not in (FORWARDED_FOR, FORWARDED_PROTO)]
        return {**scope, "headers": headers}
    changes: dict[str, Any] = {}
    if proto in (b"https", b"http"):
        secure = proto == b"https"
        websocket = scope["type"] == "websocket"
        changes["scheme"] = ("wss" if secure else "ws") if websocket else ("https" if secure else "http")
    if forwarded is not None:
        changes["client"] = (str(_origin(peer, forwarded, networks)), 0)
    return {**scope, **changes}


def _origin(peer: Address, forwarded: bytes, networks: tuple[Network, ...]) -> Address:
    """The nearest hop that is no proxy of ours; what stands left of it may be invented."""
    origin = peer
    for text in reversed(forwarded.decode("latin-1").split(",")[-MAX_HOPS:]):
        hop = _parsed(text)
        if hop is None:
            break
        origin = hop
        if not _is_in(hop, networks):
            break
    return origin


@lru_cache(maxsize=4096)
def bucket_of(address: str) -> str:
    """What is counted together: an IPv4 address, or the network of an IPv6 subscriber."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, IPV6_SUBSCRIBER_BITS), strict=False).network_address) + "/64"
    return address if parsed is None else str(parsed)


def is_within(scope: Mapping[str, Any], networks: Iterable[Network]) -> bool:
    """Whether the client is in one of the networks; False where nobody knows."""
    client = scope.get("client")
    address = _parsed(client[0]) if client else None
    return address is not None and _is_in(address, networks)


def address_of(scope: Mapping[str, Any]) -> str:
    """Text for a bucket's name. Servers on a Unix socket know no address: then everybody is one."""
    client = scope.get("client")
    return bucket_of(client[0]) if client else "unknown"
