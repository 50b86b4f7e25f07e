"""The archive of everything the venue keeps about one account, for its owner (docs/takeout.md)."""
