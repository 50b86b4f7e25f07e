"""Is the audit log whole? Follows the chain from its first row, and compares it with the heads kept elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass

from accounts.audit import chain
from accounts.audit.models import AuditEntry

ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Head:
    """The last row at some time: nothing up to it can change without changing its hash."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(frozen=True, slots=True)
class Wrong:
    """The first row that is not what was written, and why."""

    number: int
    why: str

    def __str__(self) -> str:
        return f"row {self.number}: {self.why}"


def head() -> Head:
    """Of an empty log: number 0 and the hash that stands before the first row."""
    last = AuditEntry.objects.order_by("-number").values_list("number", "hash").first()
    return Head(*last) if last else Head(0, chain.GENESIS)


def first_wrong(heads: Iterable[Head] = ()) -> Wrong | None:
    """None when every row follows the one before it and every one of `heads` is still there."""
    expected = {one.number: one.hash for one in heads if one.number}
    number, previous = 0, chain.GENESIS
    for row in AuditEntry.objects.order_by("number").iterator(chunk_size=ROWS_AT_ONCE):
        if row.number != number + 1:
            return Wrong(number + 1, "it is missing" if row.number > number else f"row {row.number} is there twice")
        if row.previous_hash != previous:
            return Wrong(row.number, "it does not follow the row before it")
        if row.hash != chain.row_hash(row):
            return Wrong(row.number, "its content is not what its hash says")
        if expected.pop(row.number, row.hash) != row.hash:
            return Wrong(row.number, "another row stood here when its hash was noted")
        number, previous = row.number, row.hash
    if expected:
        return Wrong(number + 1, f"rows are cut off: row {max(expected)} was there when its hash was noted")
    return None
