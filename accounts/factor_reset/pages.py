"""The page behind the link of the mail: one button that says no. It works without logging in."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.factor_reset import resets
from accounts.factor_reset.models import SecondFactorReset
from exchange_site.kernel.errors import ApiError


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def objection(request: HttpRequest, pk: int, token: str) -> HttpResponse:
    """GET only shows: programs that look through mails open links by themselves. POST objects."""
    reset = resets.found_by_token(pk, token)
    if reset is None:
        raise Http404
    status = 200
    if request.method == "POST":
        try:
            resets.object_to(reset, request.META.get("REMOTE_ADDR") or None)
        except ApiError:
            status = 409  # The page says what became of it instead.
        reset.refresh_from_db()
    waits = reset.state == SecondFactorReset.State.WAITING
    return render(request, "accounts/factor_reset.html", {"reset": reset, "waits": waits}, status=status)
