"""The words of our scripts in a language, as JSON: what `static/js/speech.js` loads, so that nothing is inline."""

import gettext
from functools import cache

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(public=True, max_age=3_600)
def catalogue(request: HttpRequest, language: str) -> HttpResponse:
    """English text to text; empty for English itself, in which the scripts are written."""
    if language not in dict(settings.LANGUAGES):
        raise Http404(language)
    return JsonResponse(_words(language))


@cache
def _words(language: str) -> dict[str, str]:
    found = gettext.translation("djangojs", settings.LOCALE_PATHS[0], [language], fallback=True)
    known: dict[object, str] = getattr(found, "_catalog", {})
    return {english: text for english, text in known.items() if isinstance(english, str) and english}
