"""The signed string: what a client and we must write down alike, to the byte.

    instruction=<name>[&<key>=<value>...]&timestamp=<X-Timestamp>&window=<X-Window>

Pairs are sorted by key. Values are those of the parsed request, in the client's own digits. Most clients sign them as
they are, one signs them percent-encoded: both spellings are built from the same pairs.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from exchange_site.kernel.strict_json import NumberText

Pair = tuple[str, str]
BOOLEAN_WORDS = {"True": "true", "False": "false"}  # Python clients send these in a query and sign the others.


class Prefixed:
    """One group of pairs with its instruction; a batch has one for each order."""

    __slots__ = ("instruction", "pairs")

    def __init__(self, instruction: str, pairs: list[Pair]) -> None:
        self.instruction = instruction
        self.pairs = pairs


def rendered(value: Any) -> str | None:
    """A JSON value as it is signed; None for null, which is left out."""
    if value is None:
        return None
    if isinstance(value, str):  # NumberText is the number's own digits.
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _compact(value)


def _compact(value: Any) -> str:
    """Nested members belong to no route, but whatever a client sends has to be signed: as compact JSON, own digits."""
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_compact(m)}" for key, m in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def body_pairs(body: Mapping[str, Any]) -> list[Pair]:
    pairs: list[Pair] = []
    for key, value in body.items():
        text = value if type(value) is str else rendered(value)  # Most are strings.
        if text is not None:
            pairs.append((key, text))
    pairs.sort()
    return pairs


def query_pairs(query: Iterable[Pair]) -> list[Pair]:
    """Sorted by key alone: a repeated parameter keeps the order of the request."""
    return sorted(((key, BOOLEAN_WORDS.get(value, value)) for key, value in query), key=lambda pair: pair[0])


def signed_strings(groups: list[Prefixed], timestamp: str, window: str) -> Iterable[bytes]:
    """The raw spelling, then the percent-encoded one when it differs."""
    tail = [f"timestamp={timestamp}", f"window={window}"]
    parts: list[str] = []
    for group in groups:
        parts.append(f"instruction={group.instruction}")
        parts.extend(f"{key}={value}" for key, value in group.pairs)
    raw = "&".join(parts + tail)
    yield raw.encode("utf-8", "surrogatepass")
    parts = []
    for group in groups:
        parts.append(f"instruction={group.instruction}")
        parts.extend(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in group.pairs)
    encoded = "&".join(parts + tail)
    if encoded != raw:
        yield encoded.encode()


__all__ = ["NumberText", "Pair", "Prefixed", "body_pairs", "query_pairs", "rendered", "signed_strings"]
