"""Every page in its reader's language and way of writing figures. The API and the administration stay in English."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts.site import preferences
from marketdata import figures

PLAIN = ("/api/", "/wapi/", "/admin/", settings.STATIC_URL)


class ReaderMiddleware:
    """Behind the one that knows who is logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith(PLAIN):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        wanted = preferences.of(request)
        language = preferences.language_of(request, wanted)
        with translation.override(language), figures.write_as(preferences.numbers_of(wanted, language)):
            answer = self.get_response(request)
        answer.headers.setdefault("Content-Language", language)
        if not wanted.language:
            patch_vary_headers(answer, ("Accept-Language",))
        return answer
