"""Site-wide pages: the theme switch and the error pages, which need neither script nor database."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from exchange_site.context import theme_of

THEME_COOKIE_AGE_S = 365 * 24 * 60 * 60
THEMES = ("dark", "light", "contrast")


@require_POST
def set_theme(request: HttpRequest) -> HttpResponse:
    """Remember a theme and go back to where the reader was. An unknown one forgets the choice: the system decides."""
    wanted = request.POST.get("theme", "")
    target = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        target = "/"
    answer = HttpResponseRedirect(target)
    if wanted in THEMES:
        answer.set_cookie("theme", wanted, max_age=THEME_COOKIE_AGE_S, samesite="Lax", secure=request.is_secure())
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer


def error_page(request: HttpRequest, status: int) -> HttpResponse:
    """The site's frame around one sentence. Rendered without context processors, so nothing here asks the database."""
    title, text = {
        403: ("Not allowed", "This page is not for you, or the form you sent is too old. Go back, reload, send again."),
        404: ("No such page", "Nothing lives at this address. It may have moved, or the market is not listed."),
    }.get(status, ("This page failed", "The failure has been logged. Your orders are not affected; balances are safe."))
    context = {
        "site_name": settings.SITE_NAME,
        "theme": theme_of(request),
        "status": status,
        "title": title,
        "text": text,
    }
    return HttpResponse(render_to_string("error.html", context), status=status)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(request, 404)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    return error_page(request, 403)


def failed(request: HttpRequest) -> HttpResponse:
    return error_page(request, 500)
