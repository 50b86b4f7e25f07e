"""What makes two requests the same: everything but the key and the time limit, which a retry sets anew.

A digest is the command's name and the values of its fields. It is kept packed: one short string of bytes takes less
room than its dozen values, and the garbage collector need not look into it.
"""

from hashlib import blake2b
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from matching.messages import Command

_RETRIED_ANEW = ("idempotency_key", "valid_until_ms")
_encode = msgspec.msgpack.Encoder().encode
_astuple = msgspec.structs.astuple


class _Shape(NamedTuple):
    """Of one kind of command: fields `first` to `last` (exclusive) are set anew by a retry; of what then remains behind
    the name, those at `nested` are structures or lists themselves."""

    name: str
    first: int
    last: int
    nested: tuple[int, ...]


def digest(command: Command) -> bytes:
    """Equal for two commands that ask for the same."""
    name, first, last, nested = _SHAPES[type(command)]
    fields = _astuple(command)
    values = [name, *fields[:first], *fields[last:]]
    for at in nested:
        if values[at] is not None:
            # As a hash: a batch can be long, and its content is only ever compared.
            values[at] = blake2b(_encode(values[at]), digest_size=16).digest()
    return pack(values)


def pack(values: list[Any]) -> bytes:
    """What is unset at the end is left out, so that a field added later does not make an old request look different."""
    while values[-1] is None:
        values.pop()
    return _encode(values)


def _shape(kind: type[Command]) -> _Shape:
    fields = msgspec.structs.fields(kind)
    anew = [at for at, field in enumerate(fields) if field.name in _RETRIED_ANEW]
    first, last = anew[0], anew[-1] + 1
    assert len(anew) == last - first, f"{kind.__name__}: what a retry sets anew does not stand together"
    kept = [*fields[:first], *fields[last:]]
    nested = tuple(at for at, field in enumerate(kept, start=1) if not _is_single(field.type))
    return _Shape(kind.__name__, first, last, nested)


def _is_single(annotation: Any) -> bool:
    """Is a field of this type a number, a word or nothing?"""
    if get_origin(annotation) is list:
        return False
    return all(issubclass(one, int | str | None) for one in get_args(annotation) or (annotation,))


_SHAPES = {kind: _shape(kind) for kind in get_args(Command)}
