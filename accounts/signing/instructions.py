"""Which word a request signs: the table of the public API, by method and path."""

import re

_EXACT = {
    ("GET", "/api/v1/account"): "accountQuery",
    ("PATCH", "/api/v1/account"): "accountUpdate",
    ("GET", "/api/v1/account/limits/order"): "maxOrderQuantity",
    ("GET", "/api/v1/account/limits/withdrawal"): "maxWithdrawalQuantity",
    ("GET", "/api/v1/account/limits/borrow"): "maxBorrowQuantity",
    ("POST", "/api/v1/account/convertDust"): "convertDust",
    ("GET", "/api/v1/capital"): "balanceQuery",
    ("GET", "/api/v1/capital/collateral"): "collateralQuery",
    ("GET", "/wapi/v1/capital/deposits"): "depositQueryAll",
    ("GET", "/wapi/v1/capital/deposit/address"): "depositAddressQuery",
    ("GET", "/wapi/v1/capital/withdrawals"): "withdrawalQueryAll",
    ("POST", "/wapi/v1/capital/withdrawals"): "withdraw",
    ("GET", "/wapi/v1/capital/withdrawals/delay"): "withdrawalDelayQuery",
    ("POST", "/wapi/v1/capital/withdrawals/delay"): "withdrawalDelayCreate",
    ("PATCH", "/wapi/v1/capital/withdrawals/delay"): "withdrawalDelayUpdate",
    ("GET", "/api/v1/order"): "orderQuery",
    ("POST", "/api/v1/order"): "orderExecute",
    ("DELETE", "/api/v1/order"): "orderCancel",
    ("PATCH", "/api/v1/order"): "orderModify",
    ("POST", "/api/v1/order/oco"): "ocoExecute",
    ("POST", "/api/v1/cancelAfter"): "cancelAfter",
    ("GET", "/api/v1/orders"): "orderQueryAll",
    ("GET", "/api/v1/order/open"): "orderQueryAll",
    ("POST", "/api/v1/orders"): "orderExecute",
    ("DELETE", "/api/v1/orders"): "orderCancelAll",
    ("GET", "/wapi/v1/history/orders"): "orderHistoryQueryAll",
    ("GET", "/wapi/v1/history/fills"): "fillHistoryQueryAll",
    ("GET", "/wapi/v1/history/ledger"): "ledgerQueryAll",
    ("GET", "/wapi/v1/history/wallet"): "walletLedgerQueryAll",
    ("GET", "/wapi/v1/liabilities"): "liabilitiesQuery",
    ("GET", "/wapi/v1/account/feeTier"): "feeTierQuery",
    ("GET", "/wapi/v1/statements"): "statementQuery",
    ("GET", "/wapi/v1/takeouts"): "takeoutQueryAll",
    ("POST", "/wapi/v1/takeouts"): "takeoutRequest",
    ("GET", "/api/v1/position"): "positionQuery",
    ("GET", "/api/v1/borrowLend/positions"): "borrowLendPositionQuery",
    ("GET", "/api/v1/strategies"): "strategyQueryAll",
}
_ORDER_BY_ID = re.compile(r"/api/v1/order/[^/]+")
SUBSCRIBE = "subscribe"


def instruction_of(method: str, path: str) -> str | None:
    """None for a route that signs nothing we know; such a route checks the key only."""
    found = _EXACT.get((method, path))
    if found is None and method == "GET" and _ORDER_BY_ID.fullmatch(path):
        return "orderQuery"
    return found
