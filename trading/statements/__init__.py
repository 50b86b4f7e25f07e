"""Yearly statements: what an account had, got, gave and gained, first in, first out (docs/statements.md)."""
