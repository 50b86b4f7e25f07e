"""The only reader of the environment. Every variable is listed in `.env.example`; a missing secret stops the start."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

SECRETS = frozenset(
    {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "DATABASE_URL",
        "APP_DATABASE_URL",
        "WEB_DATABASE_URL",
        "WRITER_DATABASE_URL",
        "SIGNER_DATABASE_URL",
        "REDIS_LOG_URL",
        "REDIS_FAN_URL",
        "EMAIL_HOST_PASSWORD",
        "METRICS_TOKEN",
        "SENTRY_DSN",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "BACKUP_S3_ACCESS_KEY",
        "BACKUP_S3_SECRET_KEY",
        "WALLET_BITCOIN_RPC_URL",
        "SIGNER_BITCOIN_RPC_URL",
    }
)
"""What compose and Kubernetes give as files (NAME_FILE), never as values: a value shows in `docker inspect`."""
MOST_FILE_BYTES = 64 * 1024


def text(name: str, default: str | None = None) -> str:
    """The variable, or the content of the file that NAME_FILE points to, or the default where both are empty.

    Raises ImproperlyConfigured when there is neither, when both are given, and when the file cannot be used.
    """
    value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and path:
        raise ImproperlyConfigured(f"Both {name} and {name}_FILE are set. Unset the one that is not meant.")
    if path:
        value = _content(f"{name}_FILE", Path(path))
    if value == "":
        if default is None:
            where = f"The file {path} ({name}_FILE) is empty" if path else f"The environment variable {name} is not set"
            raise ImproperlyConfigured(f"{where} (see .env.example).")
        return default
    return value


def _content(variable: str, path: Path) -> str:
    """The one line of a file, without the end of the line. No error repeats what stands in it."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{variable} is {path}, which user {os.getuid()} cannot read: {error.strerror}."
        ) from None
    if len(raw) > MOST_FILE_BYTES:
        raise ImproperlyConfigured(f"{variable} is {path}, which is longer than {MOST_FILE_BYTES} bytes.")
    try:
        line = raw.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{variable} is {path}, which is not text in UTF-8.") from None
    if not line.isprintable() or line != line.strip():
        raise ImproperlyConfigured(f"{variable} is {path}, which must hold one line without blanks around it.")
    return line


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
    kept = {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in changes}
    return {**kept, **changes}
