"""The star of a market, as a form and for scripts: POST /favourites/SOL_USDC with `on` 1 or 0, without it turned over.

A script sends `Accept: application/json` and gets `{"symbol": ..., "favourite": true}`; a form goes back where it was.
"""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from accounts.models import User
from accounts.site import favourites
from marketdata.models import Market


@require_POST
def favourite(request: HttpRequest, symbol: str) -> HttpResponse:
    """For people who are logged in; a script without a login gets 401 and its code."""
    wants_json = "application/json" in request.headers.get("Accept", "")
    if wants_json and not request.user.is_authenticated:
        return JsonResponse({"code": "UNAUTHORIZED", "message": gettext("Log in to keep favourites.")}, status=401)
    return _put(request, symbol, wants_json)


@login_required
def _put(request: HttpRequest, symbol: str, wants_json: bool) -> HttpResponse:
    market = Market.objects.filter(symbol=symbol, listed=True).first()
    if market is None:
        raise Http404(symbol)
    assert isinstance(request.user, User)
    asked = request.POST.get("on", "")
    wanted = asked == "1" if asked in {"0", "1"} else symbol not in favourites.symbols_of(request.user)
    try:
        favourites.put(request.user, market, wanted)
    except favourites.TooMany:
        sentence = gettext("You have %(most)d favourites already, more are not kept.") % {"most": favourites.MOST}
        if wants_json:
            return JsonResponse({"code": "INVALID_CLIENT_REQUEST", "message": sentence}, status=400)
        messages.error(request, sentence)
        return HttpResponseRedirect(reverse("markets"))
    if wants_json:
        return JsonResponse({"symbol": symbol, "favourite": wanted})
    target = request.POST.get("next", "")
    allowed = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(target if allowed else reverse("markets"))
