"""The published text of a proof. Its SHA-256 is what people compare, so its form is exact to the byte."""

import re
from dataclasses import dataclass
from hashlib import sha256

NO_PREVIOUS = "0" * 64
_HEAD = re.compile(
    r"liabilities 1\noutcome (0|[1-9][0-9]{0,18})\nat (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\n"
    r"previous ([0-9a-f]{64})\n",
    re.ASCII,
)
_LINE = re.compile(r"([A-Z][A-Z0-9]{1,11}) ([0-9]{1,2}) ([0-9]{1,2}) (0|[1-9][0-9]{0,18}) ([0-9a-f]{64})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Root:
    """The top of an asset's tree; `units` is what customers are owed altogether."""

    asset: str
    decimals: int
    depth: int
    units: int
    hash: str


@dataclass(frozen=True, slots=True)
class Statement:
    """`at` is the log time of outcome `n`; `previous` the commitment of the proof before, so none can be dropped."""

    n: int
    at: str
    previous: str
    roots: tuple[Root, ...]

    def text(self) -> str:
        lines = [f"{r.asset} {r.decimals} {r.depth} {r.units} {r.hash}\n" for r in self.roots]
        return f"liabilities 1\noutcome {self.n}\nat {self.at}\nprevious {self.previous}\n{''.join(lines)}"


def commitment(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def parse(text: str) -> Statement:
    """Raises ValueError for anything but exactly this form, with assets in order and each once."""
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("This is not a statement of liabilities.")
    roots, position = [], head.end()
    while position < len(text):
        line = _LINE.match(text, position)
        if line is None:
            raise ValueError("A line of the statement is not an asset's.")
        asset, decimals, depth, units, top = line.groups()
        roots.append(Root(asset, int(decimals), int(depth), int(units), top))
        position = line.end()
    names = [root.asset for root in roots]
    if names != sorted(set(names)):
        raise ValueError("The assets of the statement are not in order.")
    return Statement(int(head[1]), head[2], head[3], tuple(roots))
