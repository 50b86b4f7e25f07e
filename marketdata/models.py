"""Assets and markets (configured by staff, listed in the engine) and what trading made of them (by the db writer).

Prices are ticks, quantities lots, money units: whole numbers whose size the market and asset rows say. Tick and step
of a listed market never change, so old rows keep their meaning.
"""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from matching.messages import MarketState
from matching.symbols import AssetSpec, MarketSpec, market_spec

MAX_FEE_PPM = 100_000  # 10 %: anything above is a typing mistake.


class Asset(models.Model):
    symbol = models.CharField(max_length=12, unique=True, validators=[RegexValidator(r"^[A-Z][A-Z0-9]{1,11}$")])
    name = models.CharField(max_length=64)
    decimals = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(6), MaxValueValidator(12)],
        help_text="Decimal places kept inside: one unit is 10^-decimals. Cannot change once listed.",
    )
    blockchain = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["symbol"]

    def __str__(self) -> str:
        return self.symbol

    def spec(self) -> AssetSpec:
        return AssetSpec(self.symbol, self.decimals)


class Market(models.Model):
    """`state`, its reason, the limits from `max_quantity_lots` on and the fees in force are what the engine last said
    (`SetMarketLimits` explains each limit); change them through `marketdata.services`, never here."""

    symbol = models.CharField(max_length=25, unique=True)
    base = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    quote = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="+")
    tick_size = models.DecimalField(max_digits=24, decimal_places=12, help_text="Smallest step of a price.")
    step_size = models.DecimalField(max_digits=24, decimal_places=12, help_text="Smallest step of a quantity.")
    min_quantity = models.DecimalField(max_digits=24, decimal_places=12)
    max_open_orders = models.PositiveIntegerField(default=200, help_text="Per account.")
    maker_fee_ppm = models.IntegerField(
        default=800,
        validators=[MinValueValidator(-MAX_FEE_PPM), MaxValueValidator(MAX_FEE_PPM)],
        help_text="Below zero it is a rebate, paid out of the taker's fee.",
    )
    taker_fee_ppm = models.PositiveIntegerField(default=1000, validators=[MaxValueValidator(MAX_FEE_PPM)])
    state = models.CharField(
        max_length=12, choices=[(state.value, state.value) for state in MarketState], default=MarketState.OPEN
    )
    state_reason = models.CharField(max_length=256, blank=True)
    state_actor = models.CharField(max_length=128, blank=True, editable=False)
    state_since = models.DateTimeField(null=True, blank=True)
    listed = models.BooleanField(default=False, help_text="The engine knows this market.")
    max_quantity_lots = models.BigIntegerField(null=True, blank=True, editable=False)
    min_notional_units = models.BigIntegerField(default=0, editable=False)
    min_price_ppm = models.BigIntegerField(null=True, blank=True, editable=False)
    max_price_ppm = models.BigIntegerField(null=True, blank=True, editable=False)
    min_impact_ppm = models.BigIntegerField(null=True, blank=True, editable=False)
    max_impact_ppm = models.BigIntegerField(null=True, blank=True, editable=False)
    band_ppm = models.BigIntegerField(null=True, blank=True, editable=False)
    band_window_ms = models.BigIntegerField(default=60_000, editable=False)
    auction_ms = models.BigIntegerField(default=0, editable=False)
    position = models.PositiveSmallIntegerField(default=100, help_text="Order in lists.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "symbol"]

    def __str__(self) -> str:
        return self.symbol

    def spec(self) -> MarketSpec:
        """Raises InvalidNumber when the row's numbers do not fit each other."""
        return market_spec(
            self.symbol,
            self.base.spec(),
            self.quote.spec(),
            Decimal(self.tick_size),
            Decimal(self.step_size),
            Decimal(self.min_quantity),
        )


class MarketFigures(models.Model):
    """Where a market stands after the outcome the writer's checkpoint names, and its statistics."""

    market = models.OneToOneField(Market, on_delete=models.PROTECT, primary_key=True, related_name="figures")
    book_update_id = models.BigIntegerField(default=0)
    last_trade_id = models.BigIntegerField(default=0)
    last_price_ticks = models.BigIntegerField(null=True, blank=True)
    last_trade_at = models.DateTimeField(null=True, blank=True)


class FeeSchedule(models.Model):
    """One version of a market's fees: what changed with event `seq`. An order keeps the version of its acceptance.

    The fees of a tier are its newest row's; a tier without one has those of the next lower tier that has.
    """

    seq = models.BigIntegerField(primary_key=True)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="fee_schedules")
    version = models.PositiveIntegerField()
    tier = models.PositiveIntegerField()
    maker_fee_ppm = models.IntegerField()
    taker_fee_ppm = models.IntegerField()
    at = models.DateTimeField()
    actor = models.CharField(max_length=128)
    reason = models.CharField(max_length=256, blank=True)

    def __str__(self) -> str:
        return f"{self.market_id} version {self.version}, tier {self.tier}"


class Auction(models.Model):
    """One call auction, from the event `seq` that began it. It runs while `ended_at` is null.

    Price, lots and surplus (positive: bids stay unfilled) are where it would uncross, at the end where it did.
    """

    seq = models.BigIntegerField(primary_key=True)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="auctions")
    reason = models.CharField(max_length=256, blank=True)
    started_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, help_text="Empty: when staff ends it.")
    ended_at = models.DateTimeField(null=True)
    price_ticks = models.BigIntegerField(null=True)
    lots = models.BigIntegerField(default=0)
    surplus_lots = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.market_id} at {self.started_at}"


class IcebergLevel(models.Model):
    """What a book level shows where an iceberg rests: open orders alone do not tell, because part of it is hidden.

    Only meant for levels at which an iceberg is open; rows of others are left behind and say nothing.
    """

    pk = models.CompositePrimaryKey("market_id", "side", "price_ticks")
    market = models.ForeignKey(Market, on_delete=models.PROTECT, related_name="+", db_index=False)
    side = models.CharField(max_length=3)
    price_ticks = models.BigIntegerField()
    lots = models.BigIntegerField(help_text="The visible lots of the whole level.")


class MarketStatistics(models.Model):
    """24 h figures, refreshed each minute by Celery from the candles; pages that need no live price read them."""

    market = models.OneToOneField(Market, on_delete=models.PROTECT, primary_key=True, related_name="statistics")
    open_ticks = models.BigIntegerField(null=True)
    high_ticks = models.BigIntegerField(null=True)
    low_ticks = models.BigIntegerField(null=True)
    close_ticks = models.BigIntegerField(null=True)
    volume_lots = models.BigIntegerField(default=0)
    quote_units = models.DecimalField(max_digits=30, decimal_places=0, default=0)
    trades = models.BigIntegerField(default=0)
    refreshed_at = models.DateTimeField()


class Trade(models.Model):
    """A public trade. `seq` is the engine's event number; `trade_id` counts within the market."""

    seq = models.BigIntegerField(primary_key=True)
    market = models.ForeignKey(Market, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    trade_id = models.BigIntegerField()
    at = models.DateTimeField()
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    quote_units = models.BigIntegerField()
    buyer_is_maker = models.BooleanField()
    maker_order_id = models.BigIntegerField()
    taker_order_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["market", "trade_id"], name="trade_id_once_per_market")]


class Kline(models.Model):
    """One candle with at least one trade. `last_seq` makes writing idempotent: a trade counts once."""

    market = models.ForeignKey(Market, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    interval = models.CharField(max_length=6)
    start = models.DateTimeField()
    open_ticks = models.BigIntegerField()
    high_ticks = models.BigIntegerField()
    low_ticks = models.BigIntegerField()
    close_ticks = models.BigIntegerField()
    volume_lots = models.BigIntegerField()
    quote_units = models.DecimalField(max_digits=30, decimal_places=0)
    trades = models.BigIntegerField()
    last_seq = models.BigIntegerField()

    pk = models.CompositePrimaryKey("market_id", "interval", "start")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(low_ticks__lte=F("open_ticks"), high_ticks__gte=F("open_ticks"))
                & Q(low_ticks__lte=F("close_ticks"), high_ticks__gte=F("close_ticks")),
                name="kline_low_to_high",
            )
        ]


# Django finds models through this module; what staff asks for has its own.
from marketdata.staff_models import StaffWish  # noqa: E402, F401
