"""Pages of operators that belong to no table, in front of the admin's own."""

from django.urls import include, path

from exchange_site.ops import dashboard

urlpatterns = [
    path("live", dashboard.live, name="admin_live"),
    path("look/", include("hijack.urls")),
]
