"""What a request weighs in the rate limits. Most weigh one; what reads or does more weighs two or three.

Nothing weighs more than `HEAVIEST`, so that whatever a client asks it may ask for it 2000 times a minute, as the
public API promises: a limit is therefore at least `2000 * HEAVIEST` a minute.
"""

HEAVIEST = 3
FORGED = 20  # A wrong proof for somebody else's key.
ORDERS_A_UNIT = 20
MIN_PER_MINUTE = 2000 * HEAVIEST
MAX_PER_MINUTE = 60_000_000  # Finer than a microsecond a unit cannot be counted.

_BY_PATH = {
    "/api/v1/klines": 2,
    "/api/v1/kline": 2,
    "/api/v1/trades/history": 2,
    "/wapi/v1/history/orders": 2,
    "/wapi/v1/history/fills": 2,
    "/wapi/v1/history/ledger": 2,
    "/wapi/v1/history/wallet": 2,
    "/wapi/v1/liabilities": 2,
    "/wapi/v1/statements": 3,
    "/wapi/v1/takeouts": 2,
    "/wapi/v1/capital/deposits": 2,
    "/wapi/v1/capital/withdrawals": 2,
}


def weight_of(path: str, body: object = None) -> int:
    """Of one request; `body` is what was parsed, a list of a batch."""
    if isinstance(body, list):
        return min(HEAVIEST, 1 + len(body) // ORDERS_A_UNIT)
    return _BY_PATH.get(path, 1)
