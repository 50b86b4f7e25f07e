"""Deterministic simulation of the exchange's log: the real engine, journal, snapshots, takeover, publisher and database
writer over a disk, a Redis and clocks that fail on purpose. One seed is one run; a failing seed is the bug report."""
