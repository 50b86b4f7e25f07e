"""The inbox of what takes a second person: to approve, to reject, to take back."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from exchange_site.kernel.errors import ApiError
from marketdata import wishes
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.admin_pages import Page, Table, decide_page
from marketdata.models import StaffWish
from marketdata.staff_acts import By, in_words

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
    empty_text = "Nobody has asked for anything that takes two people."
    change_form_before_template = "admin/staff/waits_for.html"

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

    def is_offered(self, request: HttpRequest, row: StaffWish, name: str) -> bool:
        return _why_not(name, row, request.user) is None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        wish = self.get_object(request, object_id)
        more = {"waits_for": _waits_for(wish, request.user) if wish is not None else ""}
        answer: HttpResponse = super().change_view(request, object_id, form_url, {**more, **(extra_context or {})})
        return answer

    @action(description="Approve", permissions=["decide"], icon="check_circle", variant=ActionVariant.PRIMARY)
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        wish = self._wish(request, object_id)
        if request.method != "POST" and (refusal := wishes.why_not_approve(wish, request.user)):
            return self._refused(request, wish, refusal)
        page = Page(f"Approve: {wish.summary}", self._back(wish), submit="Approve and do it", tables=[_table(wish)])
        return decide_page(request, self._context(request), page, lambda _, by: wishes.approve(wish.pk, by))

    @action(description="Reject or take back", permissions=["view"], icon="cancel")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        wish = self._wish(request, object_id)
        if request.method != "POST" and (refusal := wishes.why_not_reject(wish, request.user)):
            return self._refused(request, wish, refusal)
        own = wish.asked_by_id == request.user.pk
        verb = "Take back" if own else "Reject"
        page = Page(f"{verb}: {wish.summary}", self._back(wish), submit=verb, tables=[_table(wish)], danger=not own)

        def no(_: object, by: By) -> str:
            return f"{wish.summary}: {wishes.reject(wish.pk, by).get_state_display().lower()}."

        return decide_page(request, self._context(request), page, no)

    def _refused(self, request: HttpRequest, wish: StaffWish, refusal: ApiError) -> HttpResponse:
        messages.error(request, in_words(refusal))
        return redirect(self._back(wish))

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


def _why_not(name: str, wish: StaffWish, person: Any) -> ApiError | None:
    rule = wishes.why_not_approve if name == "approve" else wishes.why_not_reject
    return rule(wish, person)


def _waits_for(wish: StaffWish, person: Any) -> str:
    """One sentence about what has to happen now, and who may do it; nothing for what is over."""
    if wish.state not in _OPEN:
        return ""
    until = f"by {wish.expires_at:%d %b %H:%M} UTC"
    if wishes.why_not_approve(wish, person) is None:
        again = wish.state == StaffWish.State.APPROVED
        return "It was interrupted: approve it again." if again else f"It waits for you or somebody else, {until}."
    own = " You asked for it, so you cannot approve it." if wish.asked_by_id == person.pk else ""
    roles = [group.name for group in Group.objects.order_by("name") if _gives(group, wishes.rights_to_approve(wish))]
    return f"It waits for somebody else with the role {' or '.join(roles) or 'superuser'}, {until}.{own}"


def _gives(group: Group, rights: tuple[str, ...]) -> bool:
    rows = group.permissions.select_related("content_type")
    held = {f"{row.content_type.app_label}.{row.codename}" for row in rows}
    return bool(rights) and held.issuperset(rights)


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
