"""Django finds the site's own administration through this module."""

from exchange_site.news import admin
from exchange_site.ops import admin as ops_admin

__all__ = ["admin", "ops_admin"]
