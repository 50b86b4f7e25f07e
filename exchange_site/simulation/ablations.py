"""Promises of the exchange that can be switched off, to see whether the simulation would notice.

A simulation that finds nothing proves something only when it does find what is known to be wrong.
"""

from typing import NamedTuple

from matching.transport import scripts


class Ablation(NamedTuple):
    """What is missing, and which faults show it soonest (they only become more frequent, the others stay)."""

    what: str
    favoured: tuple[str, ...]


ABLATIONS = {
    "fdatasync": Ablation("journal frames are written, but never synced", ("power",)),
    "adoption": Ablation("a new leader does not sync the frames it takes over", ("unsynced", "power")),
    "rewrite": Ablation(
        "a new leader syncs the frames it takes over, but does not write the end again", ("dropped", "power")
    ),
    "directory": Ablation("names of files are never synced", ("power",)),
    "fence": Ablation("the scripts on the log do not check who leads", ("pause",)),
    "idempotency": Ablation("the engine forgets every idempotency key", ("cut_after",)),
}

_MINE = scripts._MINE.encode()
_KNOWN_LATER = b"if known[1] and ("


def without_fence(text: bytes) -> bytes:
    """A script of the log without its comparison of term and owner. Scripts that have none stay as they are."""
    return text.replace(_MINE, b"").replace(_KNOWN_LATER, b"if false and (")
