"""The words of our scripts in a language, as JSON: what `static/js/speech.js` loads, so that nothing is inline."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from exchange_site.kernel import speech


@require_safe
@cache_control(public=True, max_age=3_600)
def catalogue(request: HttpRequest, language: str) -> HttpResponse:
    """English text to text; empty for English itself, in which the scripts are written."""
    if language not in dict(settings.LANGUAGES):
        raise Http404(language)
    return JsonResponse(speech.words(language))
