"""After the loss of the journal's disk: an engine's beginning, made of the database (G24)."""


class RebuildRefused(Exception):
    """Nothing was changed. The message says why, and what to do first."""
