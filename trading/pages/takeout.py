"""The archive of one's account: ask for it, see how far it is, fetch it. Fetching asks for the password again."""

from allauth.account.decorators import reauthentication_required
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_http_methods, require_safe

from accounts.audit.models import AuditEntry
from accounts.models import Account
from accounts.pages.wallet import of_account
from exchange_site.kernel.speech import told
from trading.history.kinds import KINDS
from trading.takeout import service
from trading.takeout.models import Takeout

SHOWN = 10
REFRESH_S = 5
# What `get_state_display` says, listed where makemessages finds it.
LABELS = (
    gettext_noop("Waiting"), gettext_noop("Being made"), gettext_noop("Ready"), gettext_noop("Failed"),
    gettext_noop("Run out"),
)  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@of_account
def takeouts(request: HttpRequest, owner: Account) -> HttpResponse:
    """GET shows requests; POST makes one."""
    if request.method == "POST":
        try:
            made = service.ask(owner)
        except service.NotNow as reason:
            messages.error(request, told(str(reason)))
        else:
            _note(request, "takeout.request", made)
            service.wake()
            messages.success(request, gettext("Your archive is being made. This page shows how far it is."))
        return redirect("takeout")
    rows = list(Takeout.objects.filter(account=owner).order_by("-pk")[:SHOWN])
    for row in rows:
        row.word = gettext(row.get_state_display())  # type: ignore[attr-defined]
    live = next((row for row in rows if row.state in service.LIVE), None)
    context = {
        "section": "history",
        "takeout": True,
        "kinds": list(KINDS.values()),
        "rows": rows,
        "live": live,
        "progress": None if live is None else service.progress(live),
        "kept_days": settings.TAKEOUT_KEPT_DAYS,
        "account": owner.pk,
    }
    answer = render(request, "trading/takeout.html", context)
    if live is not None:
        answer["Refresh"] = str(REFRESH_S)  # Works without script, and says nothing a reader would have to act on.
    return answer


@require_safe
@of_account
@reauthentication_required
def download(request: HttpRequest, owner: Account, pk: int) -> HttpResponse:
    """The bytes. Somebody else's archive is as unknown as one that has run out."""
    takeout = service.ready(owner, pk)
    if takeout is None:
        raise Http404("There is no such archive.")
    if request.method == "GET":
        _note(request, "takeout.download", takeout)
    answer = StreamingHttpResponse(service.pieces(takeout), content_type="application/zip")
    answer["Content-Length"] = str(takeout.size_bytes)
    answer["Content-Disposition"] = f'attachment; filename="account-{owner.pk}-{takeout.n}.zip"'
    return answer


def _note(request: HttpRequest, action: str, takeout: Takeout) -> None:
    AuditEntry.objects.create(
        actor=request.user,
        action=action,
        subject=f"{takeout} of account {takeout.account_id}",
        ip_address=request.META.get("REMOTE_ADDR") or None,
    )
