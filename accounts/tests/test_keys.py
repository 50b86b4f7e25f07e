"""S10: which public keys may be registered."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.signing.keys import InvalidPublicKey, decode_public_key

SMALL_ORDER = [  # Every point of order 1, 2, 4 and 8 in its canonical spelling.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]
NOT_CANONICAL = [  # y at or above 2^255 - 19, or a sign where x is 0.
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000080",
]


def text_of(hexadecimal):
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def test_keys_of_the_library_are_accepted():
    for _ in range(100):
        raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert decode_public_key(base64.b64encode(raw).decode()) == raw


@pytest.mark.parametrize("key", SMALL_ORDER)
def test_points_of_small_order_are_refused(key):
    with pytest.raises(InvalidPublicKey, match="small order"):
        decode_public_key(text_of(key))


@pytest.mark.parametrize("key", NOT_CANONICAL)
def test_other_spellings_of_points_are_refused(key):
    with pytest.raises(InvalidPublicKey, match="canonical"):
        decode_public_key(text_of(key))


def test_half_of_all_numbers_are_no_point():
    refused = [y for y in range(2, 60) if not is_accepted(y.to_bytes(32, "little"))]
    assert 15 < len(refused) < 45
    with pytest.raises(InvalidPublicKey, match="not a point"):
        decode_public_key(base64.b64encode(refused[0].to_bytes(32, "little")).decode())


def is_accepted(raw):
    try:
        decode_public_key(base64.b64encode(raw).decode())
    except InvalidPublicKey:
        return False
    return True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "abc",
        "é" * 44,
        base64.b64encode(b"x" * 31).decode(),
        base64.b64encode(b"x" * 33).decode(),
        " " + base64.b64encode(b"x" * 32).decode(),
        base64.b64encode(b"x" * 32).decode() + "\n",
        base64.b64encode(b"\xff" * 32).decode().replace("/", "_"),
        base64.b64encode(b"y" * 32).decode()[:-2] + "n=",  # The last letter carries bits that must be 0.
    ],
)
def test_sloppy_text_is_refused(text):
    with pytest.raises(InvalidPublicKey):
        decode_public_key(text)
