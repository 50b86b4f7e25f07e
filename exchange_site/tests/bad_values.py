"""The bad-input catalogue: what may stand where a decimal, a word, a number is meant, and must be refused.

One table for every route and both lanes. A name says what is bad; every value is refused with 400.
"""

from typing import Any

from exchange_site.tests.test_bad_input import NUMBERS

Values = dict[str, Any]

TEXTS: Values = {
    "10,000 characters": "x" * 10_000, "NUL": "Limit\x00", "newline": "Bid\r\n", "full width": "Ｌimit",
    "bidi mark": "\u202eLimit", "combining twin": "Li\u0307mit", "cyrillic twin": "Вid", "markup": "<script>",
    "SQL": "'; --", "path": "../", "template": "{{7*7}}", "formula": "=1+1", "empty": "", "blank": " ",
}  # fmt: skip
NO_TEXT: Values = {"number": 7, "float": 0.5, "true": True, "list": ["Bid"], "object": {"a": 1}}
CASES: Values = {"lower case": "limit", "upper case": "LIMIT", "capital": "Bids", "trailing blank": "Bid "}
_WHOLE: Values = {
    "negative": -1, "fraction": 1.5, "fraction as text": "7.0", "exponent": "1e3", "plus": "+1", "leading zeros": "007",
    "hex": "0x10", "empty": "", "blank": " 7", "word": "x", "true": True, "list": [], "object": {},
    "full width": "１", "10^30": 10**30, "5,000 digits": "9" * 5000, "NaN": "NaN", "NUL": "1\x00", "underscore": "1_0",
}  # fmt: skip

KINDS: dict[str, Values] = {
    "decimal": NUMBERS,
    "word": {**TEXTS, **NO_TEXT, **CASES},
    "text": NO_TEXT,
    "symbol": {**TEXTS, **NO_TEXT, "lower case": "sol_usdc", "no market": "DOGE_USDC", "other mark": "SOL/USDC"},
    "flag": {
        "text": "true", "capital": "True", "one": 1, "zero": 0, "empty": "", "list": [], "object": {}, "yes": "yes",
    },
    "whole": _WHOLE,
    "client id": {**_WHOLE, "2^32": 2**32, "2^64": str(2**64)},
}  # fmt: skip


def code_for(kind: str, value: Any) -> str:
    """A name that no market has is answered as such; whatever is no name is a bad request."""
    return "INVALID_SYMBOL" if kind == "symbol" and isinstance(value, str) else "INVALID_CLIENT_REQUEST"
