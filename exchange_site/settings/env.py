"""The only reader of the environment. Every variable is listed in `.env.example`; a missing secret stops the start."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that NAME_FILE points to (Docker secrets), or the default."""
    value = os.environ.get(name)
    if value is None and (path := os.environ.get(f"{name}_FILE")):
        value = Path(path).read_text(encoding="utf-8").strip()
    if value is None or value == "":
        if default is None:
            raise ImproperlyConfigured(f"The environment variable {name} is not set (see .env.example).")
        return default
    return value


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "true" if default else "false").lower()
    if value not in {"true", "false", "1", "0", "yes", "no"}:
        raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")
    return value in {"true", "1", "yes"}


def integer(name: str, default: int, at_least: int | None = None, at_most: int | None = None) -> int:
    value = text(name, str(default))
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if at_least is not None and number < at_least:
        raise ImproperlyConfigured(f"{name} must be {at_least} or more, not {number}.")
    if at_most is not None and number > at_most:
        raise ImproperlyConfigured(f"{name} must be {at_most} or less, not {number}.")
    return number


def items(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def database(name: str) -> dict[str, object]:
    """`postgresql://user:password@host:port/name` as Django's DATABASES entry."""
    url = urlsplit(text(name))
    if url.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(f"{name} must be a postgresql:// address; no other database keeps money exact.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or 5432),
    }


def for_child(**changes: str) -> dict[str, str]:
    """The whole environment with some variables changed, for a program that is started from here."""
    return {**os.environ, **changes}
