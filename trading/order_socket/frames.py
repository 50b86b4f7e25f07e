"""Frames of the order socket: text in, a request; an answer, text out. Pure.

A request is `{"id", "method", "params"}` (a log-on also has `signature`); its answer has the same `id` and either
`result` or `error`. `id` is a whole number or 1 to 36 of `A-Z a-z 0-9 _ -`; 7 and "7" are one id.
"""

import re
from typing import Any, NamedTuple

from exchange_site.kernel import strict_json
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from exchange_site.kernel.fast_http import encode_json
from exchange_site.kernel.strict_json import NumberText
from trading.api.order_commands import OUTCOME, REPLAYED, Entered

NO_ID = "null"
_WORD = re.compile(r"[A-Za-z0-9_-]{1,36}", re.ASCII)
_WHOLE = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)


class Frame(NamedTuple):
    """`id` is its text, `id_json` as it is echoed."""

    id: str
    id_json: str
    method: str
    params: Any
    signature: Any


class BadFrame(Exception):
    """Not a request. `id_json` is the id as far as one could be read."""

    def __init__(self, error: ApiError, id_json: str = NO_ID) -> None:
        super().__init__(error.message)
        self.error = error
        self.id_json = id_json


def _bad(message: str, id_json: str = NO_ID) -> BadFrame:
    return BadFrame(ApiError(INVALID_CLIENT_REQUEST, message), id_json)


def parse(text: str) -> Frame:
    """Raises BadFrame."""
    try:
        value = strict_json.loads_text(text)
    except strict_json.InvalidJson as error:
        raise _bad(str(error).replace("The body", "The frame")) from None
    if not isinstance(value, dict):
        raise _bad("A frame is a JSON object with id, method and params")
    id_ = value.get("id")
    if isinstance(id_, NumberText) and _WHOLE.fullmatch(id_):
        id_json = id_text = str(id_)
    elif isinstance(id_, str) and not isinstance(id_, NumberText) and _WORD.fullmatch(id_):
        id_text, id_json = id_, f'"{id_}"'
    else:
        raise _bad("id must be a whole number, or a string of 1 to 36 of the characters A-Z a-z 0-9 _ -")
    method = value.get("method")
    if not isinstance(method, str) or isinstance(method, NumberText):
        raise _bad("method must be a string", id_json)
    return Frame(id_text, id_json, method, value.get("params"), value.get("signature"))


def result_text(id_json: str, entered: Entered) -> str:
    headers = entered.headers
    outcome = f',"outcome":"{headers[OUTCOME]}"' if OUTCOME in headers else ""
    replayed = ',"replayed":true' if REPLAYED in headers else ""
    return f'{{"id":{id_json},"result":{encode_json(entered.value).decode()}{outcome}{replayed}}}'


def error_text(id_json: str, error: ApiError) -> str:
    """`status` is what HTTP would have answered; `retryAfter` in seconds where waiting helps."""
    body = {**error.body(), "status": error.status}
    if "Retry-After" in error.headers:
        body["retryAfter"] = int(error.headers["Retry-After"])
    return f'{{"id":{id_json},"error":{encode_json(body).decode()}}}'
