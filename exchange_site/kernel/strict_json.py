"""JSON in, read strictly: what two readers could understand differently is rejected.

Rejected: duplicate members, NaN and infinities, bad UTF-8, a byte order mark, lone surrogates, anything after the
value, nesting deeper than `MAX_DEPTH`. A number stays the text its sender wrote, so that `0.10` can be verified as it
was signed and no float ever exists.
"""

import json
import re
from typing import Any

MAX_DEPTH = 16
TOO_DEEP = "The body is nested too deeply"

_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_NESTS = (dict, list)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class InvalidJson(ValueError):
    """The message is a sentence for the sender."""


class NumberText(str):
    """A JSON number, with the digits its sender wrote."""

    __slots__ = ()


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidJson("A member occurs twice")
    return members


def _constant(name: str) -> Any:
    raise InvalidJson(f"{name} is not a number")


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=NumberText, parse_int=NumberText, parse_constant=_constant
)


def loads(body: bytes) -> Any:
    """The value, with every number as NumberText. Raises InvalidJson."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8") from None
    return loads_text(text)


def loads_text(text: str) -> Any:
    """As `loads`, of what has been decoded already."""
    if text.startswith("\ufeff"):
        raise InvalidJson("The body starts with a byte order mark")
    may_be_deep = text.count("[") + text.count("{") > MAX_DEPTH
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError) as error:  # InvalidJson of `_members` and `_constant` among them.
        if may_be_deep:
            _check_depth(text)
        raise error if isinstance(error, InvalidJson) else InvalidJson("The body is not valid JSON") from None
    if may_be_deep and _is_deeper(value, MAX_DEPTH):
        raise InvalidJson(TOO_DEEP)
    if "\\" in text and _SURROGATE_ESCAPE.search(text):
        _check_text(value)
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether more than so many lists and objects stand inside one another."""
    if isinstance(value, dict):
        return levels == 0 or any(_is_deeper(member, levels - 1) for member in value.values() if type(member) in _NESTS)
    if isinstance(value, list):
        return levels == 0 or any(_is_deeper(member, levels - 1) for member in value if type(member) in _NESTS)
    return False


def _check_depth(text: str) -> None:
    """Of a text that is no value; what it nests is told before what else is wrong with it. Raises InvalidJson."""
    depth = 0
    for match in _STRUCTURE.finditer(text):
        mark = match.group()
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJson(TOO_DEEP)
        elif mark in "]}":
            depth -= 1


def _check_text(value: Any) -> None:
    """Half a surrogate pair is not text: it cannot be signed, stored or sent on."""
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidJson("The body contains half a character") from None
    elif isinstance(value, dict):
        for key, member in value.items():
            _check_text(key)
            _check_text(member)
    elif isinstance(value, list):
        for member in value:
            _check_text(member)
