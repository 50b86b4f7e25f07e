"""Orders and fills as the database knows them: a projection of the engine's events, written only by the db writer.

Each index costs every written row, so foreign keys have none of their own: the named indexes are all that is read by.
"""

from django.db import models

from accounts.models import Account
from marketdata.models import Asset, Market
from matching.messages import EndReason, OrderStatus, OrderType, SelfTradePrevention, Side, TimeInForce


def _choices(enum: type) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]  # type: ignore[attr-defined]


class Order(models.Model):
    """`id` is the engine's order id: unique over the venue, ascending with acceptance."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="orders"
    )
    market = models.ForeignKey(Market, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    side = models.CharField(max_length=3, choices=_choices(Side))
    order_type = models.CharField(max_length=6, choices=_choices(OrderType))
    status = models.CharField(max_length=15, choices=_choices(OrderStatus))
    price_ticks = models.BigIntegerField(null=True)
    quantity_lots = models.BigIntegerField(null=True)
    quote_units = models.BigIntegerField(null=True, help_text="Amount of a market order by quote.")
    executed_lots = models.BigIntegerField(default=0)
    executed_quote_units = models.BigIntegerField(default=0)
    time_in_force = models.CharField(max_length=3, choices=_choices(TimeInForce))
    post_only = models.BooleanField()
    self_trade_prevention = models.CharField(max_length=12, choices=_choices(SelfTradePrevention))
    client_id = models.BigIntegerField(null=True)
    end_reason = models.CharField(max_length=24, blank=True, choices=_choices(EndReason))
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    n = models.BigIntegerField(help_text="Outcome number of its acceptance.")

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="order_by_account"),
            models.Index(
                fields=["account", "market"],
                name="order_open",
                condition=models.Q(status__in=["New", "PartiallyFilled"]),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Fill(models.Model):
    """One side of a trade. `id` is event seq x 2, plus 1 for the taker."""

    id = models.BigIntegerField(primary_key=True)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="fills"
    )
    market = models.ForeignKey(Market, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    order_id = models.BigIntegerField(db_index=True)
    client_id = models.BigIntegerField(null=True)
    trade_id = models.BigIntegerField()
    side = models.CharField(max_length=3, choices=_choices(Side))
    price_ticks = models.BigIntegerField()
    quantity_lots = models.BigIntegerField()
    quote_units = models.BigIntegerField()
    fee_units = models.BigIntegerField()
    fee_asset = models.ForeignKey(
        Asset, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    is_maker = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "-id"], name="fill_by_account")]


class Checkpoint(models.Model):
    """How far a projection has come. The rows it stands for and its own new position commit together (G6)."""

    name = models.CharField(max_length=32, primary_key=True)
    n = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    chain = models.BinaryField(default=b"")
    at_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.n}"
