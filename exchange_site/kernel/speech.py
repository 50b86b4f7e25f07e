"""What pages say in their reader's language where Django's own `gettext` does not reach: words of scripts, sentences
of the API, and words that a file has in English and a page in German.

The API itself is English to everybody; a page translates what it shows of it with `told`.
"""

import gettext
import re
from functools import cache

from django.conf import settings
from django.utils.translation import get_language

API = "api\x04"  # Before each sentence of the API in the catalogue (`msgctxt "api"`).
_PLACE = re.compile(r"%(\d)")


@cache
def words(language: str) -> dict[str, str]:
    """English to text, of both catalogues of scripts; empty for English, in which everything is written."""
    known: dict[object, str] = {}
    for domain in ("djangojs", "scripts"):
        found = gettext.translation(domain, settings.LOCALE_PATHS[0], [language], fallback=True)
        known |= getattr(found, "_catalog", {})
    return {english: text for english, text in known.items() if isinstance(english, str) and english}


def told(sentence: str) -> str:
    """A sentence of the API in the language of the page; as it is where nobody has translated it."""
    language = get_language() or settings.LANGUAGE_CODE
    exact = words(language).get(API + sentence)
    if exact is not None:
        return exact
    for pattern, text in _open_sentences(language):
        found = pattern.fullmatch(sentence)
        if found is not None:
            return _PLACE.sub(lambda place, values=found: values[int(place[1])], text)  # type: ignore[misc]
    return sentence


@cache
def _open_sentences(language: str) -> list[tuple[re.Pattern[str], str]]:
    """Those with places for what differs, in the catalogue's order."""
    ours = ((key.removeprefix(API), text) for key, text in words(language).items() if key.startswith(API))
    return [(_pattern(english), text) for english, text in ours if _PLACE.search(english)]


def _pattern(english: str) -> re.Pattern[str]:
    return re.compile("(.+)".join(re.escape(part) for part in re.split(r"%\d", english)))
