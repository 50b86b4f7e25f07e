"""Reading orders, fills and the book from the database: true at the writer's checkpoint."""

from django.db.models import F, Sum

from matching.messages import OrderStatus, Side
from trading.models import Fill, Order

OPEN = (OrderStatus.NEW.value, OrderStatus.PARTIALLY_FILLED.value)


def open_orders(account_id: int, market_id: int | None = None) -> list[Order]:
    """Newest first."""
    rows = Order.objects.filter(account_id=account_id, status__in=OPEN).select_related("market__base", "market__quote")
    if market_id is not None:
        rows = rows.filter(market_id=market_id)
    return list(rows.order_by("-id"))


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
        Order.objects.filter(market_id=market_id, side=side.value, status__in=OPEN, price_ticks__isnull=False)
        .values("price_ticks")
        .annotate(lots=Sum(F("quantity_lots") - F("executed_lots")))
        .order_by(best_first)[:limit]
    )
    return [(row["price_ticks"], int(row["lots"])) for row in rows]
