"""Lots, first in, first out. Pure; amounts are whole units, values whole units of the valuing asset.

Parts of a lot and of a sale are cut down to whole units and the last part is what is left, so parts always sum to the
whole: no unit of cost or proceeds is ever lost or made.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class Lot:
    """What is left of one acquisition. `is_known`: its cost was paid here; else it is the market's value at arrival."""

    at: datetime
    origin: str
    units: int
    cost: int
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Match:
    """A part of a disposal, with the part of a lot that it used up."""

    acquired_at: datetime
    origin: str
    is_known: bool
    disposed_at: datetime
    units: int
    cost: int
    proceeds: int

    @property
    def gain(self) -> int:
        return self.proceeds - self.cost


class TooLittle(AssertionError):
    """More leaves than ever came: the rows are not all there."""


class Lots:
    """One asset's lots, oldest first."""

    def __init__(self) -> None:
        self._lots: deque[Lot] = deque()
        self.units = 0
        self.cost = 0

    def acquire(self, lot: Lot) -> None:
        if lot.units <= 0:
            return  # A fee may take all that a tiny trade brings.
        self._lots.append(lot)
        self.units += lot.units
        self.cost += lot.cost

    def take(self, units: int) -> Iterator[Lot]:
        """The oldest lots that make up this many units; the last of them may be a part. Raises TooLittle."""
        if units > self.units:
            raise TooLittle(f"{units} units leave, {self.units} are there")
        while units:
            lot = self._lots[0]
            part = lot
            if lot.units > units:
                cost = lot.cost * units // lot.units
                part = Lot(lot.at, lot.origin, units, cost, lot.is_known)
                lot.units -= units
                lot.cost -= cost
            else:
                self._lots.popleft()
            units -= part.units
            self.units -= part.units
            self.cost -= part.cost
            yield part

    def dispose(self, at: datetime, units: int, proceeds: int) -> Iterator[Match]:
        """Proceeds are shared among the lots by their size."""
        left_units, left_proceeds = units, proceeds
        for lot in self.take(units):
            share = left_proceeds * lot.units // left_units
            left_units -= lot.units
            left_proceeds -= share
            yield Match(lot.at, lot.origin, lot.is_known, at, lot.units, lot.cost, share)

    def open_lots(self) -> Iterator[Lot]:
        return iter(self._lots)
