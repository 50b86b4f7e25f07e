"""Site-wide pages: the front page, preferences, the style guide, and error pages without script or database."""

import sys

from django.conf import settings
from django.contrib import messages
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.site import preferences
from exchange_site import api_errors
from exchange_site.context import frame
from exchange_site.news.pages import ms
from exchange_site.news.selectors import latencies
from marketdata import halt
from marketdata.page_data import market_rows
from trading.pages.front import front_market

FRONT_MARKETS = 6  # In the list of the front page.
RETRY_AFTER_S = 10


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, with a live market in it and figures that were measured."""
    engine = latencies()[0]
    rows = market_rows()
    context = {
        "section": "home",
        "rows": rows[:FRONT_MARKETS],
        "front": front_market(rows[0].market) if rows else None,
        "engine_ms": ms(engine.median_us) if engine.median_us is not None else "",
        "engine_count": engine.answered,
        "stopped": halt.current(),
    }
    return render(request, "home.html", context)


# ----------------------------------------------------------------------------------------------------- preferences
def _back(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    return target if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}) else "/"


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember a theme and go back to where the reader was. An unknown one forgets the choice: the system decides."""
    answer = HttpResponseRedirect(_back(request))
    preferences.keep(request, answer, theme=request.POST.get("theme", ""))
    return answer


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Remember a language and go back. An unknown one forgets the choice: the browser decides."""
    answer = HttpResponseRedirect(_back(request))
    preferences.keep(request, answer, language=request.POST.get("language", ""))
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def edit_preferences(request: HttpRequest) -> HttpResponse:
    """Everything at once; for people in their account, for visitors in this browser."""
    if request.method == "POST":
        answer = redirect("preferences")
        names = ("theme", "pair", "density", "language", "numbers")
        chosen: dict[str, object] = {name: request.POST.get(name, "") for name in names}
        chosen |= {name: request.POST.get(name) == "on" for name in ("sounds", "confirm_orders")}
        kept = preferences.keep(request, answer, **chosen)
        with translation.override(preferences.language_of(request, kept)):
            messages.success(request, gettext("Your preferences are kept."))
        return answer
    choices = {
        "theme": [
            ("", gettext("As the system")), ("dark", gettext("Dark")), ("light", gettext("Light")),
            ("contrast", gettext("High contrast")),
        ],
        "pair": [("", gettext("Green and red")), ("blue-orange", gettext("Blue and orange"))],
        "density": [("", gettext("Dense")), ("comfortable", gettext("Comfortable"))],
        "language": [("", gettext("As the browser")), *settings.LANGUAGES],
        "numbers": [
            ("", gettext("As the language")), ("point", "1,234.56"), ("comma", "1.234,56"), ("space", "1\u202f234,56"),
        ],
    }  # fmt: skip
    return render(request, "preferences.html", {"section": "preferences", "choices": choices})


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state; only where the settings say so."""
    if not settings.STYLEGUIDE:
        raise Http404("There is no style guide here.")
    return render(request, "styleguide.html", {"section": "", "row": next(iter(market_rows()), None)})


# ---------------------------------------------------------------------------------------------------------- errors
ERRORS = {
    400: (
        gettext_lazy("This request makes no sense to us"),
        gettext_lazy("The address or the form could not be read. Go back, reload the page and try again."),
    ),
    403: (
        gettext_lazy("Not allowed"),
        gettext_lazy("This page is not for you, or the form you sent is too old. Go back, reload, send again."),
    ),
    404: (
        gettext_lazy("No such page"),
        gettext_lazy("Nothing lives at this address. It may have moved, or the market is not listed."),
    ),
    429: (
        gettext_lazy("Too many tries"),
        gettext_lazy("For your safety we wait a moment after many tries. Try again in a minute."),
    ),
    500: (
        gettext_lazy("This page failed"),
        gettext_lazy("The failure has been logged. Your orders are not affected; balances are safe."),
    ),
    503: (
        gettext_lazy("Back in a moment"),
        gettext_lazy("The database does not answer, so pages cannot be shown. Orders in the book are not affected."),
    ),
}


def error_page(request: HttpRequest, status: int) -> HttpResponse:
    """The site's frame around one sentence. Rendered without context processors, so nothing here asks the database."""
    wanted = preferences.of_cookies(request)
    with translation.override(preferences.language_of(request, wanted)):
        title, text = ERRORS[status]
        context = {**frame(wanted), "status": status, "title": title, "text": text}
        context["of_staff"] = request.path_info.startswith("/admin/")
        return HttpResponse(render_to_string("error.html", context), status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """In JSON below the API, as ever; else as a page."""
    if request.path_info.startswith(("/api/", "/wapi/")):
        return api_errors.bad_request(request, exception)
    return error_page(request, 400)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 404)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    return error_page(request, 403)


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 429)


def failed(request: HttpRequest) -> HttpResponse:
    """Called while the failure is being handled: a database that is away is no bug of the page."""
    away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    answer = error_page(request, 503 if away else 500)
    if away:
        answer["Retry-After"] = str(RETRY_AFTER_S)
    return answer
