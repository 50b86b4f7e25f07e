"""Below /api/v1, public."""

from django.urls import path

from marketdata.api import views
from marketdata.api.empty_lists import EMPTY_LISTS
from marketdata.api.hot import READERS
from marketdata.api.hot_views import HotRead

PREFIX = "/api/v1/"

urlpatterns = [
    path("markets", views.Markets.as_view()),
    path("markets/<str:symbol>", views.OneMarket.as_view()),
    path("market", views.OneMarket.as_view()),
    path("klines", views.Klines.as_view()),
    path("kline", views.Klines.as_view()),
    path("trades/history", views.TradeHistory.as_view()),
    *(path(name, views.Nothing.as_view()) for name in EMPTY_LISTS),
    # These get here only where the fast lane is switched off.
    *(path(name.removeprefix(PREFIX), HotRead.as_view(path=name)) for name in READERS),
]
