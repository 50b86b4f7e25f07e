"""Lua scripts of the log; the same kind as everywhere."""

from exchange_site.kernel.script import Argument, Script

__all__ = ["Argument", "Script"]
