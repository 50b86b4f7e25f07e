"""Reading orders, fills and the book from the database: true at the writer's checkpoint."""

from django.db.models import Count, F, Max, Min, Q, Sum

from marketdata.models import FeeSchedule, IcebergLevel
from matching.messages import OrderStatus, Side
from trading.models import AccountRules, Fill, Order

IN_BOOK = (OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value)
OPEN = (*IN_BOOK, OrderStatus.TRIGGER_PENDING.value)


def open_orders(account_id: int, market_id: int | None = None) -> list[Order]:
    """Newest first."""
    rows = Order.objects.filter(account_id=account_id, status__in=OPEN).select_related("market__base", "market__quote")
    if market_id is not None:
        rows = rows.filter(market_id=market_id)
    return list(rows.order_by("-id"))


def open_counts(account_id: int) -> tuple[int, int]:
    """How many orders rest in books, and how many wait for their trigger."""
    counts = Order.objects.filter(account_id=account_id, status__in=OPEN).aggregate(
        resting=Count("pk", filter=Q(status__in=IN_BOOK)), waiting=Count("pk", filter=~Q(status__in=IN_BOOK))
    )
    return counts["resting"], counts["waiting"]


def ended_orders(account_id: int, limit: int = 50) -> list[Order]:
    """Newest first."""
    rows = Order.objects.filter(account_id=account_id).exclude(status__in=OPEN)
    return list(rows.select_related("market__base", "market__quote").order_by("-id")[:limit])


def fills(account_id: int, limit: int = 50) -> list[Fill]:
    """Newest first."""
    rows = Fill.objects.filter(account_id=account_id).select_related("market__base", "market__quote", "fee_asset")
    return list(rows.order_by("-id")[:limit])


def book_levels(market_id: int, side: Side, limit: int) -> list[tuple[int, int]]:
    """`(price_ticks, lots)` of the visible book, best price first."""
    best_first = "-price_ticks" if side is Side.BID else "price_ticks"
    rows = (
        Order.objects.filter(market_id=market_id, side=side.value, status__in=IN_BOOK, price_ticks__isnull=False)
        .values("price_ticks")
        .annotate(lots=Sum(F("quantity_lots") - F("executed_lots")))
        .order_by(best_first)[:limit]
    )
    shown = shown_lots(market_id)
    return [
        (row["price_ticks"], shown.get((market_id, side.value, row["price_ticks"]), int(row["lots"]))) for row in rows
    ]


def best_prices() -> dict[int, tuple[int | None, int | None]]:
    """Best bid and ask in ticks by market id, of every market that has either; one question for all."""
    resting = Order.objects.filter(status__in=IN_BOOK, price_ticks__isnull=False)
    rows = resting.values("market_id").annotate(
        bid=Max("price_ticks", filter=Q(side=Side.BID.value)), ask=Min("price_ticks", filter=Q(side=Side.ASK.value))
    )
    return {row["market_id"]: (row["bid"], row["ask"]) for row in rows.order_by()}


def shown_lots(market_id: int | None = None) -> dict[tuple[int, str, int], int]:
    """What the levels show at which an iceberg rests, by market id, side and price; the sum of orders is more."""
    icebergs = Order.objects.filter(status__in=IN_BOOK, display_lots__isnull=False)
    levels = IcebergLevel.objects.all()
    if market_id is not None:
        icebergs, levels = icebergs.filter(market_id=market_id), levels.filter(market_id=market_id)
    there = set(icebergs.values_list("market_id", "side", "price_ticks"))
    if not there:
        return {}
    return {
        (row.market_id, row.side, row.price_ticks): row.lots
        for row in levels
        if (row.market_id, row.side, row.price_ticks) in there
    }


def fees_of(account_id: int, market_id: int) -> tuple[int, int] | None:
    """Maker and taker fee in parts per million of the account's tier, for orders from now on; None: never listed."""
    rules = AccountRules.objects.filter(pk=account_id).first()
    tiers = FeeSchedule.objects.filter(market_id=market_id, tier__lte=rules.tier if rules else 0)
    newest = tiers.order_by("-tier", "-seq").first()
    return None if newest is None else (newest.maker_fee_ppm, newest.taker_fee_ppm)
