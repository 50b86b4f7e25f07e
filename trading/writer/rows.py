"""What the parts of the projector share: where the changes go, and how moments and text are written."""

from exchange_site.kernel.clock import iso_of
from trading.writer.changes import Changes, Figures, References

REFERENCE_LENGTH, REASON_LENGTH, ACTOR_LENGTH = 64, 256, 128  # Of the columns; longer text is cut.


class Rows:
    """The position within a portion: outcome `_n`, its moment `_at`, and the changes so far."""

    def __init__(self, references: References) -> None:
        self._references = references
        self._changes = Changes(n=0, seq=0, at_ms=0)
        self._changes.iceberg_levels = {market: set(levels) for market, levels in references.iceberg_levels.items()}
        self._n, self._at = 0, ""

    def _figures_of(self, market_id: int) -> Figures:
        figures = self._changes.figures.get(market_id)
        if figures is None:
            figures = self._changes.figures[market_id] = Figures()
        return figures


def moment(at_ms: int) -> str:
    """UTC, as PostgreSQL reads it."""
    return iso_of(at_ms) + "Z"


def cut(text: str, length: int) -> str:
    """What a column takes: no text may stop the writer, and PostgreSQL has no NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")[:length]
