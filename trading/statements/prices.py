"""What an asset was worth at a moment: the last price of its market with the valuing asset, to the minute."""

from datetime import datetime, timedelta

from accounts.wallet.value import VALUED_IN
from marketdata.models import Kline, Market

MINUTE = timedelta(minutes=1)


class Prices:
    """Reads one candle for each asset and minute that is asked for; one minute a market is kept, as a history is walked
    in its order and may be of any length."""

    def __init__(self) -> None:
        markets = Market.objects.filter(quote__symbol=VALUED_IN).select_related("base", "quote")
        self._markets = {market.base_id: (market.pk, market.spec()) for market in markets}
        self._known: dict[int, tuple[datetime, int | None]] = {}

    def value(self, asset_id: int, units: int, at: datetime) -> int | None:
        """Units of the valuing asset, rounded down; None when the asset had no price yet."""
        if asset_id not in self._markets:
            return None
        market_id, spec = self._markets[asset_id]
        ticks = self._ticks(market_id, at)
        return None if ticks is None else units * ticks * spec.quote_units_per_tick_lot // spec.base_units_per_lot

    def _ticks(self, market_id: int, at: datetime) -> int | None:
        """The close of the last finished minute with a trade, so that nothing later than the moment counts."""
        minute = at.replace(second=0, microsecond=0)
        known = self._known.get(market_id)
        if known is None or known[0] != minute:
            rows = Kline.objects.filter(market_id=market_id, interval="1m", start__lte=minute - MINUTE)
            known = minute, rows.order_by("-start").values_list("close_ticks", flat=True).first()
            self._known[market_id] = known
        return known[1]
