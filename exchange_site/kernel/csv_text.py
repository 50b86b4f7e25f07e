"""Text for CSV files that people open with a spreadsheet."""

import re

_FIGURE = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe(text: str) -> str:
    """A field that no program takes for a formula: one that begins like it gets an apostrophe; figures stay."""
    return text if not text.startswith(_DANGEROUS) or _FIGURE.fullmatch(text) else f"'{text}"
