"""Resets of second factors for staff: what waits, what became of it, and a way to stop one."""

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from accounts.factor_reset import resets
from accounts.factor_reset.models import SecondFactorReset
from accounts.models import User
from marketdata.admin_base import ReadOnlyAdmin
from marketdata.admin_pages import Page, decide_page, two_person_notice

_TONES = {"waiting": "warning", "done": "success", "objected": "danger", "stopped": "info"}


@admin.register(SecondFactorReset)
class SecondFactorResetAdmin(ReadOnlyAdmin):
    empty_text = "Nobody has lost a second factor. It is asked for on the page of the user."
    list_display = ["user", "shown_state", "asked_by", "approved_by", "reason", "mailed_at", "due_at", "ended_at"]
    list_filter = ["state"]
    search_fields = ["user__email", "reason", "asked_by__email", "approved_by__email"]
    list_select_related = ["user", "asked_by", "approved_by"]
    ordering = ["-pk"]
    fields = ["user", "state", "reason", "asked_by", "approved_by", "created_at", "mailed_at", "due_at", "ended_at"]
    actions_detail = ["stop"]

    def is_offered(self, request: HttpRequest, row: SecondFactorReset, name: str) -> bool:
        return row.state == SecondFactorReset.State.WAITING

    @display(
        description="state",
        ordering="state",
        label={label: _TONES[value] for value, label in SecondFactorReset.State.choices},
    )
    def shown_state(self, reset: SecondFactorReset) -> str:
        return str(reset.get_state_display())

    def has_stop_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.has_perm(resets.MAY_ASK))

    @action(description="Stop it: the second factor stays", permissions=["stop"], icon="block")
    def stop(self, request: HttpRequest, object_id: str) -> HttpResponse:
        reset = self.get_object(request, object_id)
        if reset is None:
            raise Http404(object_id)
        back = reverse("admin:accounts_secondfactorreset_change", args=[reset.pk])
        page = Page(f"Stop the reset for {reset.user}", back, submit="Stop it", danger=True)
        context = {**self.admin_site.each_context(request), "opts": SecondFactorReset._meta}
        return decide_page(request, context, page, lambda _, by: resets.stop(reset, by))


def ask_page(request: HttpRequest, context: dict[str, object], user: User, back: str) -> HttpResponse:
    """For the page of a user."""
    page = Page(f"Take away the second factor of {user}", back, submit="Ask for it", danger=True)
    page.notice = (
        f"{two_person_notice()} The user is told by mail and can object at once; it takes effect after the delay "
        "(SECOND_FACTOR_RESET_S). Make sure that the person who asks is the owner, in a way that their mail alone "
        "does not prove."
    )
    return decide_page(request, context, page, lambda _, by: resets.ask(user, by))
