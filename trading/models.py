"""Orders, fills and what binds accounts: a projection of the engine's events, written only by the db writer.

Each index costs every written row, so foreign keys have none of their own: the named indexes are all that is read by.
"""

from django.db import models

from accounts.models import Account
from exchange_site.kernel.clock import ms_of
from marketdata.models import Asset, Market
from matching.messages import (
    EndReason,
    ExitTerms,
    OrderStatus,
    OrderTerms,
    OrderType,
    SelfTradePrevention,
    Side,
    TimeInForce,
)


def _choices(enum: type) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]  # type: ignore[attr-defined]


class Order(models.Model):
    """`id` is the engine's order id: unique over the venue, ascending with acceptance.

    The columns from `trigger_price_ticks` on are what few orders have (`matching.messages.OrderTerms`): null elsewhere,
    where they cost nothing.
    """

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
    end_reason = models.CharField(max_length=32, blank=True, choices=_choices(EndReason))
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    n = models.BigIntegerField(help_text="Outcome number of its acceptance.")
    fee_version = models.IntegerField(default=1, help_text="Of the market's fee schedule; the order keeps its rates.")
    ahead_lots = models.BigIntegerField(
        null=True, help_text="What the book showed ahead of it at its price when it came to rest; empty: not known."
    )
    trigger_price_ticks = models.BigIntegerField(null=True)
    trailing_ticks = models.BigIntegerField(null=True)
    fires_above = models.BooleanField(null=True)
    triggered_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    display_lots = models.BigIntegerField(null=True)
    stop_loss_trigger_ticks = models.BigIntegerField(null=True)
    stop_loss_price_ticks = models.BigIntegerField(null=True)
    take_profit_trigger_ticks = models.BigIntegerField(null=True)
    take_profit_price_ticks = models.BigIntegerField(null=True)
    slippage_ticks = models.BigIntegerField(null=True)
    slippage_ppm = models.BigIntegerField(null=True)
    related_order_id = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"], name="order_by_account"),
            models.Index(
                fields=["account", "market"],
                name="order_open",
                condition=models.Q(status__in=["New", "PartiallyFilled", "TriggerPending"]),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    def terms(self) -> OrderTerms | None:
        """What the engine keeps as the order's terms; None for an order without any."""
        terms = OrderTerms(
            expires_at_ms=None if self.expires_at is None else ms_of(self.expires_at),
            display_lots=self.display_lots,
            trigger_price_ticks=self.trigger_price_ticks,
            trailing_ticks=self.trailing_ticks,
            stop_loss=_exit(self.stop_loss_trigger_ticks, self.stop_loss_price_ticks),
            take_profit=_exit(self.take_profit_trigger_ticks, self.take_profit_price_ticks),
            slippage_ticks=self.slippage_ticks,
            slippage_ppm=self.slippage_ppm,
            fires_above=self.fires_above,
            related_order_id=self.related_order_id,
        )
        return None if terms == NO_TERMS else terms


NO_TERMS = OrderTerms()


def _exit(trigger_price_ticks: int | None, price_ticks: int | None) -> ExitTerms | None:
    return (
        None
        if trigger_price_ticks is None
        else ExitTerms(trigger_price_ticks=trigger_price_ticks, price_ticks=price_ticks)
    )


class Fill(models.Model):
    """One side of a trade. `id` is event seq x 2, plus 1 for the taker. A fee below zero is a rebate, and then
    `fee_asset` is what the maker gave."""

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


class AccountRules(models.Model):
    """What binds an account's trading, besides its blocks. An account without a row has the ordinary rules."""

    account_id = models.BigIntegerField(primary_key=True)
    tier = models.PositiveIntegerField(default=0, help_text="Of fees; 0 is the ordinary one.")
    tier_actor = models.CharField(max_length=128, blank=True, help_text="Who gave it last, as the engine said.")
    cancel_after = models.DateTimeField(null=True, help_text="When its dead man's switch runs out.")

    class Meta:
        verbose_name_plural = "account rules"


class AccountBlock(models.Model):
    """A block in force: no new orders and amends, in one market or (empty symbol) everywhere."""

    pk = models.CompositePrimaryKey("account_id", "market")
    account_id = models.BigIntegerField()
    market = models.CharField(max_length=25, blank=True, help_text="Its symbol; empty: everywhere.")
    since = models.DateTimeField()
    actor = models.CharField(max_length=128)
    reason = models.CharField(max_length=256, blank=True)


class VenueSwitch(models.Model):
    """Rules for the whole venue: one row for the kill switch and one for the engine's rules version."""

    class Name(models.TextChoices):
        KILL = "kill", "Kill switch"
        RULES = "rules", "Rules version"

    name = models.CharField(max_length=8, primary_key=True, choices=Name.choices)
    value = models.IntegerField(help_text="1: engaged; of the rules, their version.")
    since = models.DateTimeField()
    actor = models.CharField(max_length=128)
    reason = models.CharField(max_length=256, blank=True)

    class Meta:
        verbose_name_plural = "venue"


class Checkpoint(models.Model):
    """How far a projection has come. The rows it stands for and its own new position commit together (G6)."""

    name = models.CharField(max_length=32, primary_key=True)
    n = models.BigIntegerField(default=0)
    seq = models.BigIntegerField(default=0)
    chain = models.BinaryField(default=b"")
    at_ms = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} at {self.n}"


# Django finds models through this module; the ledger, proofs and archives keep theirs in their packages.
from trading.fee_tiers import models as fee_tier_models  # noqa: E402, F401
from trading.ledger import models as ledger_models  # noqa: E402, F401
from trading.liabilities import models as liability_models  # noqa: E402, F401
from trading.takeout import models as takeout_models  # noqa: E402, F401
