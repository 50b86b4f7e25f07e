"""`manage.py run_market_maker`: quotes every configured market over the public API, and lets random takers trade."""

import logging
import signal
from argparse import ArgumentParser
from pathlib import Path
from threading import Event
from types import FrameType

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from exchange_site.kernel import metrics
from trading.market_maker.client import ApiClient, ClientKey
from trading.market_maker.loop import MarketMaker

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Quotes both sides of every market of settings.MARKET_MAKER over the public REST API with its own key and lets "
        "random takers trade against them. Demo money only. SIGTERM takes all its orders back and ends it."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=settings.PUBLIC_URL, help="The exchange (default: %(default)s).")
        keys = settings.HOME_DIR / "keys"
        parser.add_argument("--maker-key", type=Path, default=keys / "market_maker.json", help="Key file of the maker.")
        parser.add_argument(
            "--taker-key", type=Path, default=keys / "market_taker.json", help="Key file of the takers."
        )

    def handle(self, *args: object, **options: object) -> None:
        stop = Event()

        def on_signal(number: int, frame: FrameType | None) -> None:
            stop.set()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        maker = self._client(str(options["url"]), options["maker_key"])
        taker = self._client(str(options["url"]), options["taker_key"])
        metrics.serve("market_maker")
        logger.info("The market maker starts at %s.", options["url"])
        MarketMaker(settings.MARKET_MAKER, maker, taker, stop).run()
        logger.info("The market maker has stopped.")

    def _client(self, url: str, key_file: object) -> ApiClient:
        assert isinstance(key_file, Path)
        try:
            return ApiClient(url, ClientKey.read(key_file), settings.MARKET_MAKER["request_timeout_ms"])
        except (OSError, ValueError) as error:
            raise CommandError(f"No usable key in {key_file}: {error}. `manage.py seed` makes it.") from error
