"""How far a projection is behind the engine, asked when somebody looks."""

from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from exchange_site.kernel.redis_client import log_client
from exchange_site.kernel.redis_names import ENGINE


class LagCollector(Collector):
    """`position()` is the last outcome this process has dealt with. Says nothing while Redis is away."""

    def __init__(self, projection: str, position: Callable[[], int]) -> None:
        self._projection = projection
        self._position = position

    def collect(self) -> Iterator[GaugeMetricFamily]:
        at = GaugeMetricFamily(
            "exchange_projection_outcome_number", "Last outcome this projection has", labels=["projection"]
        )
        mine = self._position()
        at.add_metric([self._projection], mine)
        yield at
        try:
            client = log_client(socket_timeout_s=2)
            try:
                engine_n = int(client.hget(ENGINE, "n") or 0)  # type: ignore[arg-type]
            finally:
                client.close()
        except RedisError:
            return
        lag = GaugeMetricFamily(
            "exchange_projection_lag_outcomes", "Outcomes this projection is behind", labels=["projection"]
        )
        lag.add_metric([self._projection], max(0, engine_n - mine))
        yield lag
