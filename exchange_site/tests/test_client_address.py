"""S32: what a request says of where it comes from counts only when a proxy of ours says it."""

from typing import Any

import pytest

from exchange_site.kernel.client_address import address_of, believed

PROXIES = ["10.0.0.0/8", "2001:db8:1::/48"]


def scope(peer: str, *forwarded: str, proto: str = "", kind: str = "http") -> dict[str, Any]:
    headers = [(b"host", b"testserver"), *((b"x-forwarded-for", text.encode("latin-1")) for text in forwarded)]
    if proto:
        headers.append((b"x-forwarded-proto", proto.encode()))
    return {"type": kind, "scheme": "http" if kind == "http" else "ws", "client": (peer, 5), "headers": headers}


@pytest.fixture(autouse=True)
def _proxies(settings: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # A stranger says so.
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["192.0.2.66, 198.51.100.1"], "198.51.100.1"),  # The client invented the first.
        ("10.1.2.3", ["192.0.2.66", "198.51.100.1, 10.9.9.9"], "198.51.100.1"),  # Two proxies of ours.
        ("10.1.2.3", ["10.8.8.8"], "10.8.8.8"),  # A client inside the network.
        ("10.1.2.3", ["nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.1, nonsense"], "10.1.2.3"),
        ("10.1.2.3", ["ï¼\x91"], "10.1.2.3"),
        ("10.1.2.3", [", ".join(["1.1.1.1"] * 5000)], "1.1.1.1"),
        ("2001:db8:1::5", ["2001:db8:77:1:2:3:4:5"], "2001:db8:77:1::/64"),
        ("::ffff:10.1.2.3", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("2001:db8:99::1", [], "2001:db8:99::/64"),
    ],
)
def test_whose_address_counts(peer: str, forwarded: list[str], address: str) -> None:
    assert address_of(believed(scope(peer, *forwarded))) == address


def test_headers_of_strangers_go_no_further() -> None:
    found = believed(scope("203.0.113.5", "198.51.100.1", proto="https"))
    assert found["headers"] == [(b"host", b"testserver")]
    assert (found["scheme"], found["client"]) == ("http", ("203.0.113.5", 5))


@pytest.mark.parametrize(("kind", "scheme"), [("http", "https"), ("websocket", "wss")])
def test_a_proxy_says_whether_the_client_came_by_tls(kind: str, scheme: str) -> None:
    assert believed(scope("10.1.2.3", "198.51.100.1", proto="https", kind=kind))["scheme"] == scheme
    assert believed(scope("10.1.2.3", "198.51.100.1", proto="gopher", kind=kind))["scheme"] in ("http", "ws")


def test_without_proxies_nobody_is_believed(settings: Any) -> None:
    settings.TRUSTED_PROXIES = []
    assert address_of(believed(scope("127.0.0.1", "198.51.100.1"))) == "127.0.0.1"


def test_a_server_without_addresses() -> None:
    assert address_of({"client": None}) == "unknown"
