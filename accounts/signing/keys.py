"""Public Ed25519 keys as their owners hand them in: base64 of 32 bytes.

Libraries verify *any* message under a key of small order (the identity point, for example), so such a key would let
everybody sign for its account. A key is therefore taken apart and refused unless it is a proper curve point.
"""

import base64
import binascii

_P = 2**255 - 19
_D = -121665 * pow(121666, _P - 2, _P) % _P
_SQRT_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
_KEY_BYTES = 32
_Point = tuple[int, int, int]  # Projective coordinates: (X, Y, Z) stands for (X / Z, Y / Z).


class InvalidPublicKey(ValueError):
    """The text is not a public key that may be registered. The message is a sentence for its sender."""


def decode_public_key(text: str) -> bytes:
    """The 32 raw bytes. Raises InvalidPublicKey, for points of small order and sloppy base64 too."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise InvalidPublicKey("The public key must be base64") from None
    if len(raw) != _KEY_BYTES:
        raise InvalidPublicKey(f"The public key must be {_KEY_BYTES} bytes, not {len(raw)}")
    if base64.b64encode(raw).decode("ascii") != text:  # One key has one spelling, so it cannot be registered twice.
        raise InvalidPublicKey("The public key must be canonical base64")
    point = _decompress(raw)
    for _ in range(3):
        point = _double(point)
    if _is_identity(point):
        raise InvalidPublicKey("The public key is a point of small order")
    return raw


def _decompress(raw: bytes) -> _Point:
    encoded = int.from_bytes(raw, "little")
    negative, y = encoded >> 255, encoded & (2**255 - 1)
    if y >= _P:
        raise InvalidPublicKey("The public key is not canonical")
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _SQRT_MINUS_ONE % _P
    if v * x * x % _P != u:
        raise InvalidPublicKey("The public key is not a point of the curve")
    if x == 0 and negative:
        raise InvalidPublicKey("The public key is not canonical")
    return (-x % _P if x & 1 != negative else x), y, 1


def _double(point: _Point) -> _Point:
    """2P on -x^2 + y^2 = 1 + d x^2 y^2, in projective coordinates."""
    x, y, z = point
    b, c, d = (x + y) ** 2 % _P, x * x % _P, y * y % _P
    e = -c % _P
    f = (e + d) % _P
    j = (f - 2 * z * z) % _P
    return (b - c - d) * j % _P, f * (e - d) % _P, f * j % _P


def _is_identity(point: _Point) -> bool:
    x, y, z = point
    return x == 0 and y == z
