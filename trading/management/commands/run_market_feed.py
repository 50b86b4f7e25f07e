"""The market feed: see `marketdata.feed`. It stands here because it starts from open orders, which are trading's."""

from typing import Any

from django.core.management.base import BaseCommand

from exchange_site.kernel.redis_names import MARKET_BOOKS, MARKET_FEED, MARKET_FEED_KEPT
from trading.feed_process import run_feed
from trading.feed_start import market_feed_state


class Command(BaseCommand):
    help = "Follows the engine's events and tells every web process what markets do. A second one waits as standby."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        run_feed("market feed", MARKET_FEED, MARKET_FEED_KEPT, market_feed_state, MARKET_BOOKS)
