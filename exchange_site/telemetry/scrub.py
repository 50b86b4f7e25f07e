"""Text and paths without what must not leave: addresses of people, passwords, keys, signed links, values of rows."""

import re

from exchange_site.kernel.jsonlog import redacted

REMOVED = "[removed]"

_EMAIL = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_ROW_VALUES = re.compile(r"\)=\(.*?\)(?= |$)", re.MULTILINE)  # As in PostgreSQL's "Key (email)=(...) already exists".
_HEADERS = re.compile(
    r"(?im)\b(cookie|set-cookie|authorization|x-api-key|x-signature|sessionid|csrftoken)\b(['\"]?\s*[:=]\s*)[^\r\n]+"
)
_SIGNED = re.compile(r"[\w-]+:[\w-]{4,}:[\w-]{20,}")  # What Django signs: links that confirm an address.
_HEX = re.compile(r"\b[0-9a-fA-F]{32,}\b")
# Base64 of 24 bytes or more, in both alphabets: keys, signatures, tokens. Names in code have no digits and capitals.
_BASE64 = re.compile(r"(?<![\w+/-])(?=[\w+/-]*\d)(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])[\w+/-]{32,}={0,2}")
_TOKEN = re.compile(r"(?=.*\d)[\w:+=-]{16,}")
MOST = 2_000


def text(value: str) -> str:
    """What may be told of a message. It cannot know every secret a message could hold, only their forms."""
    value = redacted(value[: 4 * MOST])
    value = _HEADERS.sub(rf"\1\2{REMOVED}", value)
    for pattern in (_EMAIL, _SIGNED, _HEX, _BASE64):
        value = pattern.sub(REMOVED, value)
    return _ROW_VALUES.sub(f")=({REMOVED})", value)[:MOST]


def path(value: str) -> str:
    """A path without its query and without the tokens that links in mails have."""
    parts = value.partition("?")[0].split("/")
    return "/".join(REMOVED if _TOKEN.fullmatch(part) else text(part) for part in parts)[:MOST]
