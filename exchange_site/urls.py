"""Every URL outside the fast lane."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from exchange_site import pages
from exchange_site.api_errors import not_found
from exchange_site.openapi.schema import SchemaView, docs
from marketdata.api import urls as market_api
from trading.api import urls as trading_api

api_urls = [
    path("api/schema", SchemaView.as_view()),
    path("api/docs", docs, name="api_docs"),
    path("api/v1/", include([*trading_api.api, *market_api.urlpatterns])),
    path("wapi/v1/", include(trading_api.wapi)),
    re_path(r"^w?api(/|$)", not_found),  # Whatever else is asked of the API is answered in JSON too.
]

page_urls = [
    path("", RedirectView.as_view(pattern_name="markets"), name="home"),
    path("theme", pages.set_theme, name="theme"),
    path("", include("marketdata.page_urls")),
    path("", include("trading.pages.urls")),
    path("", include("accounts.pages.urls")),
]

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    *api_urls,
    *page_urls,
]

# Errors of the API never get here: its own views and the route above answer in JSON.
handler400 = "exchange_site.api_errors.bad_request"  # The one that can: a Host header that is not ours.
handler403 = "exchange_site.pages.forbidden"
handler404 = "exchange_site.pages.not_found"
handler500 = "exchange_site.pages.failed"
