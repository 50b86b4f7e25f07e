"""How figures look to people: grouping, signs, short totals. Text and whole numbers only, never a float."""

NARROW_SPACE = "\u202f"
MINUS = "\u2212"
UNKNOWN = "\u2014"


def grouped(text: str) -> str:
    """`"97412.50"` is `"97,412.50"`. Only the whole part is grouped; what is grouped already stays as it is."""
    whole, point, fraction = text.replace(",", "").partition(".")
    sign = ""
    if whole.startswith(("-", MINUS)):
        sign, whole = MINUS, whole[1:]
    groups: list[str] = []
    while len(whole) > 3:
        groups.insert(0, whole[-3:])
        whole = whole[:-3]
    return sign + ",".join([whole, *groups]) + point + fraction


def dimmed_parts(text: str) -> tuple[str, str]:
    """Split a figure into what counts and the zeros that carry nothing: `"8.00"` is `("8", ".00")`, zero is all dim."""
    if not text.strip("0.,"):
        return "", "0" if text else ""
    if "." not in text:
        return text, ""
    bright = text.rstrip("0")
    if bright.endswith("."):
        bright = bright[:-1]
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
    return f"{sign}{grouped(str(hundredths // 100))}.{hundredths % 100:02d}{NARROW_SPACE}%"


def basis_points(part: int, whole: int) -> str:
    """One decimal: `1.2`."""
    if whole <= 0:
        return UNKNOWN
    tenths = (abs(part) * 200_000 + whole) // (2 * whole)
    return f"{tenths // 10}.{tenths % 10}"


def fee(ppm: int) -> str:
    """Parts per million as a percentage: 800 is `0.08 %`."""
    whole, rest = divmod(ppm, 10_000)
    digits = f"{rest:04d}".rstrip("0").ljust(2, "0")
    return f"{whole}.{digits}{NARROW_SPACE}%"


def short(text: str) -> str:
    """A large total for the eye: `"69743210.5"` is `"69.74 M"` (cut, not rounded). Below a million in full."""
    whole, _, fraction = text.partition(".")
    for digits, name in ((9, "B"), (6, "M")):
        if len(whole) > digits:
            return f"{grouped(whole[:-digits])}.{whole[-digits:][:2]}{NARROW_SPACE}{name}"
    return f"{grouped(whole)}.{fraction[:2].ljust(2, '0')}"


def direction(part: int) -> str:
    """`"up"`, `"down"` or `""`: the word a style and an arrow hang on."""
    return "up" if part > 0 else "down" if part < 0 else ""
