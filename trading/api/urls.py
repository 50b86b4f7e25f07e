"""Below /api/v1 and /wapi/v1, private. Order entry gets here only where the fast lane is switched off."""

from django.urls import path

from trading.api import (
    account_views,
    capital_views,
    ledger_views,
    liability_views,
    order_views,
    shims,
    statement_views,
    venue_views,
    views,
)

api = [
    path("order", order_views.Order.as_view()),
    path("order/open", views.OpenOrders.as_view()),
    path("order/oco", order_views.OneCancelsOther.as_view()),
    path("order/<str:order_id>", views.OrderById.as_view()),
    path("orders", order_views.Orders.as_view()),
    path("cancelAfter", order_views.CancelAfter.as_view()),
    path("account", account_views.AccountView.as_view()),
    path("account/limits/order", account_views.MaxOrder.as_view()),
    path("account/limits/withdrawal", account_views.MaxWithdrawal.as_view()),
    path("account/limits/borrow", account_views.MaxBorrow.as_view()),
    path("capital", account_views.Capital.as_view()),
    path("assets", capital_views.Assets.as_view()),
    path("capital/collateral", account_views.Collateral.as_view()),
    path("liabilities", liability_views.Liabilities.as_view()),
    path("reserves", venue_views.Reserves.as_view()),
    path("fees", venue_views.Fees.as_view()),
    *shims.api,
]
wapi = [
    path("history/orders", views.OrderHistory.as_view()),
    path("history/fills", views.FillHistory.as_view()),
    path("history/ledger", ledger_views.Ledger.as_view()),
    path("history/wallet", ledger_views.WalletLedger.as_view()),
    path("account/feeTier", venue_views.FeeTier.as_view()),
    path("statements", statement_views.Statements.as_view()),
    path("takeouts", statement_views.Takeouts.as_view()),
    path("capital/deposits", capital_views.Deposits.as_view()),
    path("capital/deposit/address", capital_views.DepositAddress.as_view()),
    path("capital/withdrawals", capital_views.Withdrawals.as_view()),
    path("liabilities", liability_views.OwnProof.as_view()),
    *shims.wapi,
]
