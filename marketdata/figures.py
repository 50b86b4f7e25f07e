"""How figures look to people: grouping, signs, short totals. Text and whole numbers only, never a float.

Figures are written as the reader of the running request likes them (`write_as`); everywhere else, and on the wire,
with a point. The same rules are in `static/js/decimal.js`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

NARROW_SPACE = "\u202f"
MINUS = "\u2212"
UNKNOWN = "\u2014"

STYLES = {"point": (",", "."), "comma": (".", ","), "space": (NARROW_SPACE, ",")}  # Between thousands, before decimals.
_style: ContextVar[str] = ContextVar("figures_style", default="point")


class Shown(str):
    """A figure in its final form: grouping it again changes nothing. A sign before it or a word behind keep it so."""

    def __str__(self) -> str:
        return self

    def __radd__(self, before: str) -> "Shown":
        return Shown(str.__add__(before, self))

    def __add__(self, after: str) -> "Shown":
        return Shown(str.__add__(self, after))


@contextmanager
def write_as(style: str) -> Iterator[None]:
    """Inside, figures are written in this style of STYLES."""
    token = _style.set(style if style in STYLES else "point")
    try:
        yield
    finally:
        _style.reset(token)


def separators() -> tuple[str, str]:
    """What stands between thousands and before decimals, here and now."""
    return STYLES[_style.get()]


def grouped(text: str) -> str:
    """`"97412.50"` is `"97,412.50"`. Only the whole part is grouped; what is grouped already stays as it is."""
    if isinstance(text, Shown):
        return text
    between, before = separators()
    whole, point, fraction = text.replace(",", "").partition(".")
    sign = ""
    if whole.startswith(("-", MINUS)):
        sign, whole = MINUS, whole[1:]
    groups: list[str] = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    return Shown(sign + between.join([whole, *groups]) + (before if point else "") + fraction)


def for_field(text: str) -> str:
    """As a field holds it: grouped where that cannot be misread, else plain. Takes plain text or what is shown."""
    between, before = separators()
    plain = text.replace(between, "").replace(before, ".") if isinstance(text, Shown) else text.replace(",", "")
    return grouped(plain) if before == "." else plain


_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_COMMA = re.compile(r"(?:(?:0|[1-9][0-9]*),(?:[0-9]{1,2}|[0-9]{4,})|0,[0-9]{3}|[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+)")


def entered(text: str) -> str:
    """What people type, as a plain decimal: `"1,234.5"` is `"1234.5"`.

    Where figures have a comma before decimals, so is `"1.234,5"`, and `"12,5"` is `"12.5"`. What could mean two things
    or is no number stays as it is, comma and all: whoever reads it next refuses it.
    """
    plain = text.strip().replace(NARROW_SPACE, "").replace("\u00a0", "")
    before = separators()[1]
    if before == "," and _COMMA.fullmatch(plain):
        return plain.replace(".", "").replace(",", ".")
    if _GROUPED.fullmatch(plain) and (before == "." or "." in plain):
        return plain.replace(",", "")
    return plain


def dimmed_parts(text: str) -> tuple[str, str]:
    """Split a figure into what counts and the zeros that carry nothing: `"8.00"` is `("8", ".00")`, zero is all dim.

    Takes what `grouped` has written.
    """
    between, before = separators()
    if not text.strip("0" + between + before):
        return "", "0" if text else ""
    if before not in text:
        return text, ""
    bright = text.rstrip("0")
    if bright.endswith(before):
        bright = bright[: -len(before)]
    return bright, text[len(bright) :]


def at_least(text: str, decimals: int) -> str:
    """Pad a decimal to this many places; never cut. `("1.5", 2)` is `"1.50"`."""
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}" if decimals else text


def percent(part: int, whole: int) -> str:
    """`+2.51 %`, rounded to the nearest hundredth; `"—"` when there is nothing to compare with."""
    if whole <= 0:
        return UNKNOWN
    hundredths = (abs(part) * 20_000 + whole) // (2 * whole)
    sign = "" if hundredths == 0 else ("+" if part > 0 else MINUS)
    return Shown(f"{sign}{grouped(f'{hundredths // 100}.{hundredths % 100:02d}')}{NARROW_SPACE}%")


def basis_points(part: int, whole: int) -> str:
    """One decimal: `1.2`."""
    if whole <= 0:
        return UNKNOWN
    tenths = (abs(part) * 200_000 + whole) // (2 * whole)
    return grouped(f"{tenths // 10}.{tenths % 10}")


def fee(ppm: int) -> str:
    """Parts per million as a percentage: 800 is `0.08 %`."""
    whole, rest = divmod(ppm, 10_000)
    digits = f"{rest:04d}".rstrip("0").ljust(2, "0")
    return Shown(grouped(f"{whole}.{digits}") + f"{NARROW_SPACE}%")


def short(text: str) -> str:
    """A large total for the eye: `"69743210.5"` is `"69.74 M"` (cut, not rounded). Below a million in full."""
    whole, _, fraction = text.partition(".")
    for digits, name in ((9, "B"), (6, "M")):
        if len(whole) > digits:
            return Shown(grouped(f"{whole[:-digits]}.{whole[-digits:][:2]}") + f"{NARROW_SPACE}{name}")
    return grouped(f"{whole}.{fraction[:2].ljust(2, '0')}")


def direction(part: int) -> str:
    """`"up"`, `"down"` or `""`: the word a style and an arrow hang on."""
    return "up" if part > 0 else "down" if part < 0 else ""
