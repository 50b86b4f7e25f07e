"""Below /api/v1, public."""

from django.urls import path

from marketdata.api import views

_NOTHING = (
    "borrowLend/markets", "borrowLend/markets/history", "collateral", "fundingRates", "markPrices", "openInterest",
    "prediction", "prediction/tags", "wallets",
)  # fmt: skip

urlpatterns = [
    path("markets", views.Markets.as_view()),
    path("markets/<str:symbol>", views.OneMarket.as_view()),
    path("market", views.OneMarket.as_view()),
    path("assets", views.Assets.as_view()),
    path("klines", views.Klines.as_view()),
    path("kline", views.Klines.as_view()),
    path("trades/history", views.TradeHistory.as_view()),
    *(path(name, views.Nothing.as_view()) for name in _NOTHING),
]
