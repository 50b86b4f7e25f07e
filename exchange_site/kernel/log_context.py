"""What every log line of one piece of work has in common: the id of its request, and whatever else identifies it.

Set where a request or task begins; read by the log formatter and by whoever keeps records. A context variable goes
along with `await` and with work handed to a thread in a copy of the context.
"""

import contextlib
import random
import secrets
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

REQUEST_ID = "request_id"
_fields: ContextVar[Mapping[str, str]] = ContextVar("log_fields", default={})  # noqa: B039 - never changed in place.


_draw = random.Random(secrets.randbits(128)).getrandbits  # noqa: S311 - an id is no secret, it only has to be unique.


def new_request_id() -> str:
    """16 hexadecimal digits, without asking the system for each."""
    return f"{_draw(64):016x}"


def fields() -> Mapping[str, str]:
    return _fields.get()


def request_id() -> str:
    """Empty outside a request."""
    return _fields.get().get(REQUEST_ID, "")


def set_request_id(request_id: str) -> None:
    """For the rest of this task, which is this request's alone."""
    _fields.set({**_fields.get(), REQUEST_ID: request_id})


@contextlib.contextmanager
def also(**more: str) -> Iterator[None]:
    """Log lines within say this too."""
    token = _fields.set({**_fields.get(), **more})
    try:
        yield
    finally:
        _fields.reset(token)
