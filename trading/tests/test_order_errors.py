"""Whatever the engine refuses for, its caller gets a stable code, a sentence and a status."""

import pytest

from exchange_site.kernel.clock import now_ms
from matching.messages import (
    EndReason,
    OrderStatus,
    OrderType,
    OrderView,
    RefusalReason,
    Refused,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from trading.services.refusals import refused, why_ended

EXPECTED = {
    RefusalReason.TRADING_HALTED: (503, "TRADING_PAUSED"),
    RefusalReason.ACCOUNT_BLOCKED: (403, "FORBIDDEN"),
    RefusalReason.MARKET_NOT_OPEN: (400, "INVALID_ORDER"),
    RefusalReason.MARKET_CLOSED: (400, "INVALID_ORDER"),
    RefusalReason.PRICE_OUT_OF_BOUNDS: (400, "INVALID_PRICE"),
    RefusalReason.QUANTITY_TOO_LARGE: (400, "INVALID_QUANTITY"),
    RefusalReason.QUANTITY_TOO_SMALL: (400, "INVALID_CLIENT_REQUEST"),
    RefusalReason.NOTIONAL_TOO_SMALL: (400, "INVALID_CLIENT_REQUEST"),
    RefusalReason.INVALID_TRIGGER: (400, "INVALID_CLIENT_REQUEST"),
    RefusalReason.INVALID_EXPIRY: (400, "INVALID_CLIENT_REQUEST"),
    RefusalReason.POST_ONLY_WOULD_TAKE: (400, "INVALID_ORDER"),
    RefusalReason.INSUFFICIENT_FUNDS: (400, "INSUFFICIENT_FUNDS"),
    RefusalReason.TOO_MANY_OPEN_ORDERS: (400, "ORDER_LIMIT"),
    RefusalReason.UNKNOWN_ORDER: (404, "RESOURCE_NOT_FOUND"),
    RefusalReason.RULES_NOT_ACTIVE: (501, "NOT_IMPLEMENTED"),
}


@pytest.mark.parametrize("reason", list(RefusalReason))
def test_every_refusal_of_the_engine_is_an_error_of_the_api(reason):
    error = refused(Refused(reason=reason, order_id=7))
    assert error.status in {400, 403, 404, 409, 500, 501, 503}
    assert EXPECTED.get(reason, (error.status, error.kind.code)) == (error.status, error.kind.code)
    assert error.status != 500 or reason is RefusalReason.INTERNAL
    body = error.body()
    assert body["message"]
    assert body["message"] != body["code"]
    if error.status == 503:
        assert body["executed"] is False
        assert error.headers["Retry-After"]


@pytest.mark.parametrize("reason", list(EndReason))
def test_every_end_of_an_order_has_a_sentence(reason):
    order = OrderView(
        1, 1, "SOL_USDC", Side.BID, OrderType.LIMIT, OrderStatus.EXPIRED, 1, 1, None, 0, 0, TimeInForce.GTC, False,
        SelfTradePrevention.REJECT_TAKER, None, now_ms(), reason,
    )  # fmt: skip
    assert why_ended(order).endswith(".")
