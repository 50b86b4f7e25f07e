from django.urls import path

from marketdata import pages

urlpatterns = [path("markets", pages.markets, name="markets")]
