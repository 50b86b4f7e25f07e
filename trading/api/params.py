"""Query parameters of the private routes. Each function raises ApiError."""

from datetime import datetime

from django.db import models

from exchange_site.kernel.clock import datetime_of
from exchange_site.kernel.errors import INVALID_CLIENT_REQUEST, ApiError
from marketdata.api import params
from marketdata.api.views import listed_market
from matching.messages import MAX_INT

MAX_MS = 253_402_300_799_999  # The end of the year 9999.
COUNTED_AT_MOST = 100_000  # X-TOTAL of a very long history is this: counting on would cost more than it tells.
FLAGS = {"true": True, "false": False, "": False}


def market_id(query: params.Params) -> int | None:
    symbol = params.optional_symbol(query)
    return None if symbol is None else listed_market(symbol).pk


def moment(query: params.Params, name: str) -> datetime | None:
    at_ms = params.whole(query, name, most=MAX_MS)
    return None if at_ms is None else datetime_of(at_ms)


def window(query: params.Params, until: str = "to") -> tuple[datetime | None, datetime | None]:
    """`from`, inclusive, and `until`, exclusive. One that ends before it begins is a mistake, not an empty page."""
    start, end = moment(query, "from"), moment(query, until)
    if start is not None and end is not None and start > end:
        raise ApiError(INVALID_CLIENT_REQUEST, f"from must not be after {until}")
    return start, end


def order_id(query: params.Params) -> int | None:
    return params.whole(query, "orderId", most=MAX_INT)


def ordering(query: params.Params) -> str:
    return "id" if params.word(query, "sortDirection", ("Asc", "Desc"), "Desc") == "Asc" else "-id"


def flag(query: params.Params, name: str) -> bool:
    value = FLAGS.get(query.get(name, "").lower())
    if value is None:
        raise ApiError(INVALID_CLIENT_REQUEST, f"{name} must be true or false")
    return value


def bounded_count(rows: "models.QuerySet[models.Model]") -> int:
    return rows.order_by()[:COUNTED_AT_MOST].count()
