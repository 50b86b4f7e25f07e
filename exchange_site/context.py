"""What every page knows about the site and its reader."""

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.functional import SimpleLazyObject

from accounts.site import preferences
from accounts.site.preferences import Preferences
from exchange_site.news.selectors import banner_for


def site(request: HttpRequest) -> dict[str, object]:
    wanted = preferences.of(request)
    return {
        **frame(wanted),
        "demo_mode": settings.DEMO_MODE,
        "styleguide": settings.STYLEGUIDE,
        "banner": SimpleLazyObject(lambda: banner_for(wanted.seen_announcement)),
    }


def frame(wanted: Preferences) -> dict[str, object]:
    """What the frame of a page needs, and all an error page gets: nothing here asks the database."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return {
        "site_name": settings.SITE_NAME,
        "theme": wanted.theme,
        "preferences": wanted,
        "language": language,
        "languages": settings.LANGUAGES,
        "numbers": preferences.numbers_of(wanted, language),
    }
