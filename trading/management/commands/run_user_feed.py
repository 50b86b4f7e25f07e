"""The user feed: see `trading.user_feed`."""

from typing import Any

from django.core.management.base import BaseCommand

from exchange_site.kernel.redis_names import USER_FEED, USER_FEED_KEPT
from trading.feed_process import run_feed
from trading.feed_start import user_feed_state


class Command(BaseCommand):
    help = "Follows the engine's events and tells every web process about orders and balances. A second one waits."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        run_feed("user feed", USER_FEED, USER_FEED_KEPT, user_feed_state)
