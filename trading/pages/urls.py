from django.urls import path

from trading.pages import orders, trade

urlpatterns = [
    path("trade", trade.first_market, name="trade_home"),
    path("trade/<str:symbol>", trade.trade, name="trade"),
    path("trade/<str:symbol>/state", trade.state, name="trade_state"),
    path("trade/<str:symbol>/order", orders.place, name="trade_place"),
    path("trade/<str:symbol>/cancel", orders.cancel, name="trade_cancel"),
]
