"""Signatures: the public API's test vectors, the spellings real clients use, and the order of the checks."""

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signing.canonical import Prefixed, signed_strings
from accounts.signing.instructions import instruction_of
from accounts.signing.verify import Signed, check_signature, request_groups, signed_headers
from exchange_site.kernel import clock
from exchange_site.kernel.errors import ApiError
from exchange_site.kernel.strict_json import loads

SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
PUBLIC = base64.b64decode(PUBLIC_KEY)
NOW_MS = 1_750_000_000_000
ORDER = (
    b'{"symbol":"SOL_USDC","side":"Bid","orderType":"Limit","price":"20.15","quantity":"0.5",'
    b'"postOnly":true,"clientId":7}'
)
BATCH = (
    b'[{"symbol":"SOL_USDC","side":"Bid","orderType":"Limit","price":"20.15","quantity":"0.5"},'
    b'{"symbol":"SOL_USDC","side":"Ask","orderType":"Market","quantity":"0.5"}]'
)
VECTORS = [
    (
        request_groups("balanceQuery", [], None),
        "i+8ma2GvgntNoAQMACCYj8OzQXanIELkOY9Yn/AqXA4bbKbJiVv4gTeIYOe25q9JYpujSkhLMEfjZVVC+BjyAw==",
    ),
    (
        request_groups("orderExecute", [], loads(ORDER)),
        "wGCjvPfFXACTVKsqYoKGGILFrFc0rSa+EFYHA6mTqVamPGS9Y7Su/Fy6OWlBvAYXGNKMr8R7yFzsNDEn9X+fBQ==",
    ),
    (
        request_groups("orderExecute", [], loads(BATCH)),
        "hNz37S61YovIKmGV1/ptX7dAFF2VBb5H/jAJJZfcC10/BMDWmuNbcvLR2TpnpWiW+3KxXK5TwGvz/CP2HhrpBQ==",
    ),
    (
        request_groups("subscribe", [], None),
        "+l7W9gsWo7wgxsSyafqWB1Q/506+FeIpLn7LZu6L9cxoWjT0jP5/krBY+fN3hLePKAYNW5RpHpy+suhu5B2/Dg==",
    ),
]


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.signing.verify.now_ms", lambda: NOW_MS)


def signed(signature: str) -> Signed:
    return Signed(PUBLIC_KEY, signature, str(NOW_MS), "5000")


def sign(text: str) -> str:
    return base64.b64encode(SECRET.sign(text.encode())).decode()


def verifies(groups: list[Prefixed], text: str) -> bool:
    try:
        check_signature(PUBLIC, signed(sign(text)), groups)
    except ApiError:
        return False
    return True


def test_the_clock_is_read_where_it_is_replaced() -> None:
    assert abs(clock.now_ms() - NOW_MS) > 1000


@pytest.mark.parametrize(("groups", "signature"), VECTORS, ids=["query", "order", "batch", "subscribe"])
def test_vectors(groups: list[Prefixed], signature: str) -> None:
    check_signature(PUBLIC, signed(signature), groups)


def test_the_order_string_is_the_documented_one() -> None:
    [raw] = signed_strings(request_groups("orderExecute", [], loads(ORDER)), "1750000000000", "5000")
    assert raw == (
        b"instruction=orderExecute&clientId=7&orderType=Limit&postOnly=true&price=20.15&quantity=0.5&side=Bid"
        b"&symbol=SOL_USDC&timestamp=1750000000000&window=5000"
    )


def test_the_batch_string_is_the_documented_one() -> None:
    [raw] = signed_strings(request_groups("orderExecute", [], loads(BATCH)), "1750000000000", "5000")
    assert raw == (
        b"instruction=orderExecute&orderType=Limit&price=20.15&quantity=0.5&side=Bid&symbol=SOL_USDC"
        b"&instruction=orderExecute&orderType=Market&quantity=0.5&side=Ask&symbol=SOL_USDC"
        b"&timestamp=1750000000000&window=5000"
    )


def test_raw_and_percent_encoded_values_both_verify() -> None:
    groups = request_groups("withdraw", [], {"address": "a b/c+d~%"})
    assert verifies(groups, "instruction=withdraw&address=a b/c+d~%&timestamp=1750000000000&window=5000")
    assert verifies(groups, "instruction=withdraw&address=a%20b%2Fc%2Bd~%25&timestamp=1750000000000&window=5000")
    assert not verifies(groups, "instruction=withdraw&address=a+b/c+d~%&timestamp=1750000000000&window=5000")


def test_a_query_boolean_is_signed_in_lower_case() -> None:
    groups = request_groups("maxOrderQuantity", [("reduceOnly", "True"), ("autoBorrow", "False")], None)
    text = "instruction=maxOrderQuantity&autoBorrow=false&reduceOnly=true&timestamp=1750000000000&window=5000"
    assert verifies(groups, text)


@pytest.mark.parametrize("digits", ["0.10", "7", "1e5", "100000000000000000001"])
def test_a_json_number_is_signed_in_its_own_digits(digits: str) -> None:
    groups = request_groups("orderExecute", [], loads(f'{{"quantity":{digits},"price":null}}'.encode()))
    assert verifies(groups, f"instruction=orderExecute&quantity={digits}&timestamp=1750000000000&window=5000")


def test_query_pairs_come_before_body_pairs() -> None:
    groups = request_groups("orderCancel", [("z", "1")], {"a": "2"})
    assert verifies(groups, "instruction=orderCancel&z=1&a=2&timestamp=1750000000000&window=5000")


def test_unknown_members_are_signed_too() -> None:
    groups = request_groups("orderExecute", [], loads(b'{"b":true,"triggeredBy":"x","a":false}'))
    assert verifies(groups, "instruction=orderExecute&a=false&b=true&triggeredBy=x&timestamp=1750000000000&window=5000")


@pytest.mark.parametrize(
    "signature", ["", "x", "AAAA", "=" * 88, base64.b64encode(bytes(64)).decode(), base64.b64encode(bytes(65)).decode()]
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(ApiError) as refusal:
        check_signature(PUBLIC, signed(signature), request_groups("balanceQuery", [], None))
    assert (refusal.value.status, refusal.value.kind.code) == (401, "INVALID_SIGNATURE")


def test_s_plus_l_is_refused() -> None:
    """A second signature made of a first one without the secret."""
    good = base64.b64decode(VECTORS[0][1])
    order = 2**252 + 27742317777372353535851937790883648493
    forged = good[:32] + (int.from_bytes(good[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(ApiError):
        check_signature(PUBLIC, signed(base64.b64encode(forged).decode()), VECTORS[0][0])


def headers(**more: str) -> dict[str, str]:
    return {"x-api-key": PUBLIC_KEY, "x-signature": "s", "x-timestamp": str(NOW_MS), **more}


@pytest.mark.parametrize("missing", ["x-api-key", "x-signature", "x-timestamp"])
def test_a_missing_header_is_the_first_thing_noticed(missing: str) -> None:
    shown = headers(**{"x-window": "nonsense"})
    del shown[missing]
    with pytest.raises(ApiError) as refusal:
        signed_headers(shown)
    assert (refusal.value.status, refusal.value.kind.code) == (401, "UNAUTHORIZED")


def test_the_window_has_a_default() -> None:
    assert signed_headers(headers()).window == "5000"


@pytest.mark.parametrize(
    "wrong",
    [
        {"x-timestamp": "1.5"},
        {"x-timestamp": "-1"},
        {"x-timestamp": "soon"},
        {"x-timestamp": "１２"},
        {"x-timestamp": "9" * 17},
        {"x-window": "0"},
        {"x-window": "-5"},
        {"x-window": "60001"},
        {"x-window": "1e3"},
    ],
)
def test_timestamp_and_window_are_whole_numbers_in_range(wrong: dict[str, str]) -> None:
    with pytest.raises(ApiError) as refusal:
        signed_headers(headers(**wrong))
    assert (refusal.value.status, refusal.value.kind.code) == (400, "INVALID_CLIENT_REQUEST")


@pytest.mark.parametrize(("shift_ms", "fine"), [(0, True), (-5000, True), (5000, True), (-5001, False), (5001, False)])
def test_the_window_reaches_both_ways(shift_ms: int, fine: bool) -> None:
    shown: Any = signed_headers(headers(**{"x-timestamp": str(NOW_MS + shift_ms)}))
    if fine:
        shown.check_time()
    else:
        with pytest.raises(ApiError):
            shown.check_time()


def test_instructions_follow_method_and_path() -> None:
    assert instruction_of("GET", "/api/v1/orders") == "orderQueryAll"
    assert instruction_of("DELETE", "/api/v1/orders") == "orderCancelAll"
    assert instruction_of("GET", "/api/v1/order/open") == "orderQueryAll"
    assert instruction_of("GET", "/api/v1/order/123") == "orderQuery"
    assert instruction_of("GET", "/api/v1/unheard") is None
