"""The Merkle-sum tree of one asset. Pure; the format with test vectors is `docs/liabilities.md`.

Every node is a hash and a sum, and its hash covers both sums of its children one by one: a node that covers only their
total would let the venue hide one child behind the other. Sums are whole units, never negative, and below 2**62, at
every node; so no addition overflows 64 bits, and a verifier refuses what would.
"""

import hmac
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

MAX_UNITS = 2**62 - 1  # The engine keeps every supply below 2**62 units too (docs/money.md).
CHUNK_DEPTH = 10
CHUNK_LEAVES = 2**CHUNK_DEPTH  # Leaves that are kept, and hashed again for a path, as one piece.
MIN_DEPTH, MAX_DEPTH = CHUNK_DEPTH, 22  # Four million leaves an asset: 300 MB while it is made.
KEY_BYTES = 16
RECORD_BYTES = 16  # A kept leaf: account and units; padding is all zero.
LEAF, NODE = b"\0", b"\1"

Node = tuple[bytes, int]  # Hash, sum.


class OutOfRange(ValueError):
    """A balance or a sum is negative or too large: nothing is published from such numbers."""


def depth_for(accounts: int) -> int:
    """The same for every asset, from the number of all customers: how many hold an asset stays unknown. Raises
    OutOfRange."""
    depth = max(MIN_DEPTH, (max(accounts, 1) - 1).bit_length())
    if depth > MAX_DEPTH:
        raise OutOfRange(f"{accounts} accounts are more than a tree of {MAX_DEPTH} levels takes")
    return depth


def context_of(asset: str, n: int) -> bytes:
    """What ties a leaf to its asset and outcome."""
    return sha256(f"liabilities 1 leaf\n{asset}\n{n}\n".encode()).digest()


def leaf_hash(context: bytes, account_id: int, salt: bytes, units: int) -> bytes:
    return sha256(LEAF + context + struct.pack(">Q32sQ", account_id, salt, units)).digest()


def parent(left: Node, right: Node) -> Node:
    """Raises OutOfRange."""
    total = left[1] + right[1]
    if left[1] < 0 or right[1] < 0 or total > MAX_UNITS:
        raise OutOfRange(f"{left[1]} and {right[1]} cannot be summed")
    return sha256(NODE + struct.pack(">32sQ32sQ", *left, *right)).digest(), total


def levels(leaves: Sequence[Node]) -> list[list[Node]]:
    """From the leaves, a power of two of them, up to the root."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        below = rows[-1]
        rows.append([parent(below[i], below[i + 1]) for i in range(0, len(below), 2)])
    return rows


def path(rows: list[list[Node]], index: int) -> list[Node]:
    """The siblings from the bottom up."""
    found = []
    for row in rows[:-1]:
        found.append(row[index ^ 1])
        index >>= 1
    return found


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of leaves: the sort key of its first, its packed records, and the node above it."""

    number: int
    first_key: bytes
    records: bytes
    top: Node


class AssetTree:
    """The salts, order and padding of one asset at one outcome, all from a seed that is never published."""

    def __init__(self, seed: bytes, asset: str, n: int) -> None:
        self._seed, self._asset = seed, asset.encode()
        self._context = context_of(asset, n)

    def _derive(self, what: bytes, number: int) -> bytes:
        return hmac.digest(self._seed, b"%b\n%b\n%d" % (what, self._asset, number), "sha256")

    def salt(self, account_id: int) -> bytes:
        return self._derive(b"salt", account_id)

    def order_key(self, account_id: int) -> bytes:
        """Leaves stand in the order of these: it says nothing about who they are, and is another one each time."""
        return self._derive(b"order", account_id)[:KEY_BYTES]

    def chunks(self, balances: Iterator[tuple[int, int]], depth: int) -> Iterator[Chunk]:
        """`(account_id, units)` above zero, in any order, with padding up to 2**depth leaves. Raises OutOfRange."""
        leaves = []
        for account_id, units in balances:
            if not 0 < units <= MAX_UNITS:
                raise OutOfRange(f"account {account_id} has {units} units of {self._asset.decode()}")
            leaves.append(self.order_key(account_id) + struct.pack(">QQ", account_id, units))
        if len(leaves) > 2**depth:
            raise OutOfRange(f"{len(leaves)} balances of {self._asset.decode()} are more than there are accounts")
        leaves += [self._derive(b"padding", i)[:KEY_BYTES] + bytes(RECORD_BYTES) for i in range(2**depth - len(leaves))]
        leaves.sort()
        for first in range(0, len(leaves), CHUNK_LEAVES):
            part = leaves[first : first + CHUNK_LEAVES]
            number, records = first // CHUNK_LEAVES, b"".join(leaf[KEY_BYTES:] for leaf in part)
            yield Chunk(number, part[0][:KEY_BYTES], records, levels(self.nodes(number, records))[-1][0])

    def nodes(self, number: int, records: bytes) -> list[Node]:
        """The leaves of a chunk. Padding has sum zero and 32 bytes that nobody can tell from a leaf's hash."""
        first, context = number * CHUNK_LEAVES, self._context
        return [
            (leaf_hash(context, account_id, self.salt(account_id), units), units)
            if account_id
            else (self._derive(b"hidden", first + i), 0)
            for i, (account_id, units) in enumerate(struct.iter_unpack(">QQ", records))
        ]


def find(records: bytes, account_id: int) -> tuple[int, int] | None:
    """Where the account stands in a chunk, and its units."""
    for i, (found, units) in enumerate(struct.iter_unpack(">QQ", records)):
        if found == account_id:
            return i, units
    return None
