"""Backups: database, journal, snapshots and keys in one folder, encrypted, and restored once before they count."""


class BackupFailed(Exception):
    """It was not done, or not whole. The text says what to do, in whole sentences."""
