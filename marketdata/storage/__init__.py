"""How trades and candles lie in PostgreSQL: plain tables, native partitions by month, or TimescaleDB.

Django's models, the selectors and the db writer are the same for each (docs/decisions/0015-time-shaped-tables.md).
"""

from collections.abc import Callable

Say = Callable[[str], None]


class StorageRefused(Exception):
    """Nothing was switched. The text says why and what to do, in whole sentences."""
