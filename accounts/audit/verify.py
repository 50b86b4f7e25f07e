"""Is the audit log whole? Follows the chain, from its first row or from where an earlier reading ended, and compares it
with the heads kept elsewhere.
"""

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


def first_wrong(heads: Iterable[Head] = (), after: Head | None = None) -> Wrong | None:
    """None when every row follows the one before it and every one of `heads` is still there.

    With `after`, an earlier reading's end, the content of rows up to it is not read again: that none of them is gone is
    counted, and that `heads` among them still have their hashes is looked up.
    """
    expected = {one.number: one.hash for one in heads if one.number}
    number, previous = 0, chain.GENESIS
    if after is not None and after.number:
        wrong = _wrong_before(after, expected)
        if wrong is not None:
            return wrong
        expected = {known: digest for known, digest in expected.items() if known > after.number}
        number, previous = after.number, after.hash
    rows = AuditEntry.objects.filter(number__gt=number).order_by("number")
    for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
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


def _wrong_before(after: Head, expected: dict[int, str]) -> Wrong | None:
    row = AuditEntry.objects.filter(number=after.number).first()
    if row is None:
        return Wrong(after.number, "it is missing, and was there when the log was last found whole")
    if row.hash != after.hash or chain.row_hash(row) != after.hash:
        return Wrong(after.number, "it is not the row that was there when the log was last found whole")
    there = AuditEntry.objects.filter(number__lte=after.number).count()
    if there != after.number:
        return Wrong(
            after.number, f"of the {after.number} rows up to it only {there} are there; read everything (--all)"
        )
    older = sorted(number for number in expected if number <= after.number)
    for start in range(0, len(older), ROWS_AT_ONCE):
        some = older[start : start + ROWS_AT_ONCE]
        hashes = dict(AuditEntry.objects.filter(number__in=some).values_list("number", "hash"))
        for number in some:
            if hashes.get(number) != expected[number]:
                return Wrong(number, "another row stood here when its hash was noted")
    return None
