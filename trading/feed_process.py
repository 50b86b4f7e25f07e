"""What both feed commands share: signals, connections, the loop."""

import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType

from exchange_site.kernel import metrics
from exchange_site.kernel.redis_client import fan_client, log_client
from marketdata.feed.loop import FeedLoop, FeedState, owner_name
from marketdata.feed.metrics import position
from marketdata.feed.outlet import Outlet
from matching.client.lag import LagCollector

log = logging.getLogger(__name__)


def run_feed(name: str, stream: str, kept: int, load: Callable[[], FeedState], images_key: str | None = None) -> None:
    """Until SIGTERM or SIGINT."""
    stop = threading.Event()

    def ask_to_stop(signum: int, _frame: FrameType | None) -> None:
        log.info("%s stops: %s.", name, signal.Signals(signum).name)
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    metrics.serve(name, LagCollector(name, lambda: int(metrics.samples(position.labels(name))[0].value)))
    FeedLoop(
        name=name,
        outlet=Outlet(fan_client(), stream, kept, owner_name()),
        log_client=log_client(),
        load=load,
        stop=stop,
        images_key=images_key,
    ).run()
