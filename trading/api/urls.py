"""Below /api/v1 and /wapi/v1, private. POST and DELETE of `order` and `orders` are answered by the fast lane."""

from django.urls import path

from trading.api import account_views, shims, views

api = [
    path("order", views.OneOrder.as_view()),
    path("order/open", views.OpenOrders.as_view()),
    path("order/<str:order_id>", views.OrderById.as_view()),
    path("orders", views.OpenOrders.as_view()),
    path("account", account_views.AccountView.as_view()),
    path("account/limits/order", account_views.MaxOrder.as_view()),
    path("account/limits/withdrawal", account_views.MaxWithdrawal.as_view()),
    path("account/limits/borrow", account_views.MaxBorrow.as_view()),
    path("capital", account_views.Capital.as_view()),
    path("capital/collateral", account_views.Collateral.as_view()),
    *shims.api,
]
wapi = [
    path("history/orders", views.OrderHistory.as_view()),
    path("history/fills", views.FillHistory.as_view()),
    path("capital/deposits", account_views.Deposits.as_view()),
    *shims.wapi,
]
