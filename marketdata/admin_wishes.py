"""The inbox of what takes a second person: to approve, to reject, to take back."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from marketdata import wishes
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.admin_pages import Page, Table, decide_page
from marketdata.models import StaffWish
from marketdata.staff_acts import By

_TONES = {"pending": "warning", "approved": "warning", "done": "success", "failed": "danger", "rejected": "danger"}
_OPEN = (StaffWish.State.PENDING, StaffWish.State.APPROVED)


@admin.register(StaffWish)
class StaffWishAdmin(ReadOnlyAdmin):
    list_display = ["summary", "shown_state", "asked_by", "asked_at", "reason", "decided_by", "one_person", "n"]
    list_filter = ["state", "what"]
    search_fields = ["summary", "reason", "asked_by__email", "decided_by__email", "=key"]
    list_select_related = ["asked_by", "decided_by"]
    ordering = ["-pk"]
    fields = [
        "summary", "reason", "asked_by", "asked_at", "expires_at", "state", "decided_by", "decided_at",
        "decision_reason", "one_person", "n", "error", "key",
    ]  # fmt: skip
    actions_detail = ["approve", "reject"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffWish]:
        wishes.expire()
        return super().get_queryset(request)

    @display(
        description="state",
        ordering="state",
        label={label: _TONES.get(value, "info") for value, label in StaffWish.State.choices},
    )
    def shown_state(self, wish: StaffWish) -> str:
        return str(wish.get_state_display())

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.has_perm(wishes.APPROVE))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Nothing can be decided about what is decided."""
        wish = StaffWish.objects.filter(pk=object_id).first()
        if wish is None or wish.state not in _OPEN:
            return []
        offered: list[Any] = super().get_actions_detail(request, object_id)
        own = wish.asked_by_id == request.user.pk
        return [each for each in offered if not (own and each.action_name.endswith("_approve"))]

    @action(description="Approve", permissions=["decide"], icon="check_circle", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        wish = self._wish(request, object_id)
        page = Page(f"Approve: {wish.summary}", self._back(wish), submit="Approve and do it", tables=[_table(wish)])
        if wish.asked_by_id == request.user.pk:
            page.notice = "You asked for it yourself; somebody else must approve it."
        return decide_page(request, self._context(request), page, lambda _, by: wishes.approve(wish.pk, by))

    @action(description="Reject or take back", permissions=["view"], icon="cancel")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        wish = self._wish(request, object_id)
        own = wish.asked_by_id == request.user.pk
        verb = "Take back" if own else "Reject"
        page = Page(f"{verb}: {wish.summary}", self._back(wish), submit=verb, tables=[_table(wish)], danger=not own)

        def no(_: object, by: By) -> str:
            return f"{wish.summary}: {wishes.reject(wish.pk, by).get_state_display().lower()}."

        return decide_page(request, self._context(request), page, no)

    def _wish(self, request: HttpRequest, object_id: str) -> StaffWish:
        wish: StaffWish | None = self.get_object(request, object_id)
        if wish is None:
            raise Http404(object_id)
        return wish

    @staticmethod
    def _back(wish: StaffWish) -> str:
        return reverse("admin:marketdata_staffwish_change", args=[wish.pk])

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": StaffWish._meta}


def _table(wish: StaffWish) -> Table:
    row = [str(wish.asked_by), f"{wish.asked_at:%d %b %H:%M} UTC", wish.reason, f"{wish.expires_at:%d %b %H:%M} UTC"]
    return {"headers": ["Asked by", "At", "Reason", "Expires"], "rows": [row]}


def inbox_table() -> Table:
    """What waits, for other pages."""
    rows = [
        [
            format_html('<a class="underline" href="{}">{}</a>', StaffWishAdmin._back(wish), wish.summary),
            str(wish.asked_by),
            wish.reason,
            f"{wish.expires_at:%d %b %H:%M} UTC",
        ]
        for wish in wishes.pending()
    ]
    return {"headers": ["Waiting for approval", "Asked by", "Reason", "Expires"], "rows": rows}
