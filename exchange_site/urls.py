"""Every URL outside the fast lane."""

from django.contrib import admin
from django.urls import include, path, re_path

from exchange_site import pages, words
from exchange_site.api_errors import not_found
from exchange_site.news import pages as news_pages
from exchange_site.openapi.schema import SchemaView, docs
from marketdata.api import urls as market_api
from trading.api import urls as trading_api

api_urls = [
    path("api/schema", SchemaView.as_view()),
    path("api/docs", docs, name="api_docs"),
    path("api/v1/", include([*trading_api.api, *market_api.urlpatterns])),
    path("wapi/v1/", include(trading_api.wapi)),
    re_path(r"^/*w?api(/|$)", not_found),  # Whatever else is asked of the API is answered in JSON too.
]

page_urls = [
    path("", pages.home, name="home"),
    path("theme", pages.set_theme, name="theme"),
    path("language", pages.set_language, name="language"),
    path("preferences", pages.edit_preferences, name="preferences"),
    path("words/<str:language>.json", words.catalogue, name="words"),
    path("styleguide", pages.styleguide, name="styleguide"),
    path("status", news_pages.status, name="status"),
    path("announcements", news_pages.announcements, name="announcements"),
    path("announcements/<int:pk>/dismiss", news_pages.dismiss, name="announcement_dismiss"),
    path("", include("trading.pages.urls")),
    path("", include("accounts.pages.urls")),
]

urlpatterns = [
    path("admin/", include("exchange_site.ops.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    *api_urls,
    *page_urls,
]

# Errors of the API never get here: its own views and the route above answer in JSON.
handler400 = "exchange_site.pages.bad_request"  # The one that can: a Host header that is not ours.
handler429 = "exchange_site.pages.too_many"  # allauth's limits of tries.
handler403 = "exchange_site.pages.forbidden"
handler404 = "exchange_site.pages.not_found"
handler500 = "exchange_site.pages.failed"
