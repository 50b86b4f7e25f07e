"""The venue on one page: whether it trades, the kill switch, what every market takes, and what waits for approval."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from redis.exceptions import RedisError

from exchange_site.kernel.clock import now_ms
from marketdata import rules
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.admin_pages import Page, PublicReasonForm, Table, TypedWordForm, decide_page, two_person_notice
from marketdata.admin_wishes import inbox_table
from marketdata.selectors import listed_markets
from matching.client.blocking import engine_position
from trading.models import VenueSwitch
from trading.venue import kill_switch

STOP_WORD = "STOP"
BACK = "admin:trading_venueswitch_changelist"


@admin.register(VenueSwitch)
class VenueAdmin(ReadOnlyAdmin):
    """Its list is the page. Stopping needs the right to stop the venue, looking that or the one to view."""

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return bool(request.user.has_perm(rules.STOP_VENUE) or request.user.has_perm("trading.view_venueswitch"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("stop", self.admin_site.admin_view(self.stop), name="trading_venue_stop"),
            path("release", self.admin_site.admin_view(self.release), name="trading_venue_release"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self._context(request),
            "title": "Venue",
            "stopped": kill_switch(),
            "may_stop": request.user.has_perm(rules.STOP_VENUE),
            "engine": _engine_table(),
            "markets": _markets_table(),
            "inbox": inbox_table() if request.user.has_perm("marketdata.view_staffwish") else None,
        }
        return render(request, "admin/staff/venue.html", context)

    def stop(self, request: HttpRequest) -> HttpResponse:
        self._demand(request)
        page = Page("Stop all trading", reverse(BACK), TypedWordForm, options={"word": STOP_WORD}, danger=True)
        again = "" if settings.STAFF_ONE_PERSON else " Allowing trading again takes a second person."
        page.notice = (
            "From the moment of the click no order is taken or changed and nothing trades, in every market. "
            f"Cancels, deposits and withdrawals go on.{again}"
        )
        return decide_page(
            request,
            self._context(request),
            page,
            lambda _, by: f"All trading is stopped, with outcome {rules.stop_venue(by)}.",
        )

    def release(self, request: HttpRequest) -> HttpResponse:
        self._demand(request)
        page = Page("Allow trading again", reverse(BACK), PublicReasonForm, notice=two_person_notice())
        return decide_page(request, self._context(request), page, lambda _, by: rules.ask_to_release_venue(by))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": VenueSwitch._meta}

    @staticmethod
    def _demand(request: HttpRequest) -> None:
        if not request.user.has_perm(rules.STOP_VENUE):
            raise PermissionDenied


def _engine_table() -> Table:
    headers = ["Engine", "Term", "Outcome", "Database behind by"]
    try:
        at = engine_position()
    except RedisError as error:
        return {"headers": headers, "rows": [[f"not reachable: {error}", "-", "-", "-"]]}
    leads = int(at.get("lease_until_ms", "0")) > now_ms()
    behind = int(at.get("n", "0")) - int(at.get("db_n", "0"))
    word = at.get("status", "never ran") if leads else "away"
    return {"headers": headers, "rows": [[word, at.get("term", "-"), at.get("n", "-"), f"{max(0, behind)} outcomes"]]}


def _markets_table() -> Table:
    rows = []
    for market in listed_markets():
        link = reverse("admin:marketdata_market_change", args=[market.pk])
        since = f"{market.state_since:%d %b %H:%M} UTC" if market.state_since else "-"
        name = format_html('<a class="underline" href="{}">{}</a>', link, market.symbol)
        rows.append([name, market.state, since, market.state_actor or "-", market.state_reason or "-"])
    return {"headers": ["Market", "State", "Since", "By", "Reason"], "rows": rows}
