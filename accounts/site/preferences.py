"""How somebody wants the site: kept with the account, for guests in a cookie; the cookie also serves pages that must do
without the database. Unknown values are as if nothing was chosen."""

from dataclasses import asdict, dataclass, fields, replace
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from accounts.models import User
from accounts.site.models import Preference

COOKIE = "preferences"
THEME_COOKIE = "theme"  # Of its own, because the switch in the page writes it.
COOKIE_AGE_S = 365 * 24 * 60 * 60
MAX_COOKIE = 400

THEMES = ("dark", "light", "contrast")
PAIRS = ("blue-orange",)
DENSITIES = ("comfortable",)
NUMBERS = ("point", "comma", "space")  # The styles of `marketdata.figures`.
_ALLOWED = {"theme": THEMES, "pair": PAIRS, "density": DENSITIES, "numbers": NUMBERS}
_NUMBERS_OF = {"de": "comma"}  # What a language uses where nothing was chosen; others have a point.


@dataclass(frozen=True, slots=True)
class Preferences:
    """Empty text: the system or the browser decides."""

    theme: str = ""
    pair: str = ""
    density: str = ""
    language: str = ""
    numbers: str = ""
    sounds: bool = False
    confirm_orders: bool = False
    seen_announcement: int = 0


def checked(values: dict[str, object]) -> Preferences:
    """Only what is known is taken over."""
    kept: dict[str, object] = {}
    for field in fields(Preferences):
        value = values.get(field.name)
        if field.name == "language":
            kept[field.name] = value if value in dict(settings.LANGUAGES) else ""
        elif field.name in _ALLOWED:
            kept[field.name] = value if value in _ALLOWED[field.name] else ""
        elif field.name == "seen_announcement":
            text = str(value or "0")
            kept[field.name] = int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0
        else:
            kept[field.name] = value in (True, "1", "on", "True")
    return Preferences(**kept)  # type: ignore[arg-type]


def of_cookies(request: HttpRequest) -> Preferences:
    """What this browser remembers. Asks no database."""
    known = dict(parse_qsl(request.COOKIES.get(COOKIE, "")[:MAX_COOKIE]))
    return checked({**known, "theme": request.COOKIES.get(THEME_COOKIE, "")})


def of(request: HttpRequest) -> Preferences:
    """The account's, else the browser's. Asked once a request."""
    kept = getattr(request, "_preferences", None)
    if kept is None:
        kept = _of_account(request) or of_cookies(request)
        request._preferences = kept  # type: ignore[attr-defined]
    return kept


def _of_account(request: HttpRequest) -> Preferences | None:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return None
    row = Preference.objects.filter(user_id=user.pk).first()
    return None if row is None else checked({field.name: getattr(row, field.name) for field in fields(Preferences)})


def keep(request: HttpRequest, answer: HttpResponse, **changes: object) -> Preferences:
    """Take over some of them: into the account of whoever is logged in, and into cookies of the answer."""
    wanted = replace(of(request), **changes)  # type: ignore[arg-type]
    wanted = checked(asdict(wanted))
    if isinstance(request.user, User):
        Preference.objects.update_or_create(user=request.user, defaults=asdict(wanted))
    request._preferences = wanted  # type: ignore[attr-defined]
    _put_cookies(request, answer, wanted)
    return wanted


def _put_cookies(request: HttpRequest, answer: HttpResponse, wanted: Preferences) -> None:
    how = {"max_age": COOKIE_AGE_S, "samesite": "Lax", "secure": request.is_secure()}
    if wanted.theme:
        answer.set_cookie(THEME_COOKIE, wanted.theme, **how)  # type: ignore[arg-type]
    else:
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    rest = {name: value for name, value in asdict(wanted).items() if value and name != "theme"}
    text = urlencode({name: "1" if value is True else value for name, value in rest.items()})
    if text:
        answer.set_cookie(COOKIE, text, **how)  # type: ignore[arg-type]
    else:
        answer.delete_cookie(COOKIE, samesite="Lax")


def language_of(request: HttpRequest, wanted: Preferences) -> str:
    """The chosen language, else the best of what the browser asks for."""
    return wanted.language or translation.get_language_from_request(request)


def mail_language(user: User) -> str:
    """What a mail to them is written in: the language they chose, else the one of the page that is being answered."""
    chosen = Preference.objects.filter(user_id=user.pk).values_list("language", flat=True).first()
    return chosen or translation.get_language() or settings.LANGUAGE_CODE


def numbers_of(wanted: Preferences, language: str) -> str:
    return wanted.numbers or _NUMBERS_OF.get(language.partition("-")[0], "point")
