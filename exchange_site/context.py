"""What every page knows about the site."""

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, object]:
    return {"site_name": settings.SITE_NAME, "demo_mode": settings.DEMO_MODE, "theme": theme_of(request)}


def theme_of(request: HttpRequest) -> str:
    """The reader's chosen theme, or "" where the system decides."""
    theme = request.COOKIES.get("theme", "")
    return theme if theme in {"dark", "light", "contrast"} else ""
