"""Settings come from variables or from files; what is wrong with a file is said, and never what stands in it."""

import os
import re
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from exchange_site.settings import env

SETTINGS = Path(env.__file__).parent
LOOKS_SECRET = re.compile(r"PASSWORD|SECRET_KEY|TOKEN|DSN|DATABASE_URL|REDIS_\w+_URL|RPC_URL|ACCESS_KEY|HEADERS")


def read_names() -> set[str]:
    """Every variable that a module of the settings reads."""
    found = set()
    for path in SETTINGS.glob("*.py"):
        found |= set(re.findall(r"""env\.\w+\(\s*["']([A-Z0-9_]+)["']""", path.read_text(encoding="utf-8")))
    return found


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Writes the file of a variable and points NAME_FILE to it."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv(f"{name}_FILE", str(path))
        return path

    return write


def test_s27_every_setting_that_looks_like_a_secret_is_on_the_list():
    names = read_names()
    assert len(names) > 60
    assert {name for name in names if LOOKS_SECRET.search(name)} == env.SECRETS
    assert names >= env.SECRETS, "a secret that nobody reads"


@pytest.mark.parametrize("name", sorted(env.SECRETS))
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n"])
def test_s27_every_secret_is_read_from_its_file_without_the_end_of_the_line(given, name, end):
    given(name, b"s3cr\xc3\xa9t=@/:#%20" + end)
    assert env.text(name) == "s3crét=@/:#%20"


@pytest.mark.parametrize("content", [b"", b"\n", b"\r\n\r\n"])
def test_an_empty_file_is_no_value_and_is_named_where_one_is_needed(given, content):
    path = given("SECRET_KEY", content)
    assert env.text("SECRET_KEY", "default") == "default"
    with pytest.raises(ImproperlyConfigured, match=re.escape(f"The file {path} (SECRET_KEY_FILE) is empty")):
        env.text("SECRET_KEY")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"one-line\ntwo-line\n", "one line"),
        (b" before", "without blanks"),
        (b"behind \n", "without blanks"),
        (b"\xef\xbb\xbfwith-a-mark", "one line"),
        (b"with\x00nul", "one line"),
        (b"latin-\xe9", "not text in UTF-8"),
        (b"x" * (env.MOST_FILE_BYTES + 1), "longer than 65536 bytes"),
    ],
)
def test_a_file_that_is_not_one_line_of_text_is_refused_without_repeating_it(given, content, said):
    path = given("REDIS_LOG_URL", content)
    with pytest.raises(ImproperlyConfigured) as error:
        env.text("REDIS_LOG_URL", "")
    assert said in str(error.value)
    assert f"REDIS_LOG_URL_FILE is {path}" in str(error.value)
    for piece in ("one-line", "two-line", "before", "behind", "with-a-mark", "latin", "xxx"):
        assert piece not in str(error.value).replace(str(path), "")


def test_a_file_that_is_not_there_or_may_not_be_read_is_named_with_the_reason(given, tmp_path, monkeypatch):
    path = given("SENTRY_DSN", b"x")
    path.unlink()
    with pytest.raises(ImproperlyConfigured, match=f"SENTRY_DSN_FILE is {path}.*No such file or directory"):
        env.text("SENTRY_DSN", "")
    path.mkdir()  # What a container engine makes of a mount that is not there.
    with pytest.raises(ImproperlyConfigured, match="Is a directory"):
        env.text("SENTRY_DSN", "")

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # Tests may run as root, who may read everything.
    with pytest.raises(ImproperlyConfigured, match=f"which user {os.getuid()} cannot read: Permission denied"):
        env.text("SENTRY_DSN", "")


def test_a_value_and_a_file_at_once_are_refused(given, monkeypatch):
    given("METRICS_TOKEN", b"of-the-file")
    monkeypatch.setenv("METRICS_TOKEN", "of-the-variable")
    with pytest.raises(ImproperlyConfigured, match="Both METRICS_TOKEN and METRICS_TOKEN_FILE are set"):
        env.text("METRICS_TOKEN", "")
    monkeypatch.setenv("METRICS_TOKEN", "")  # As an empty line of .env: nothing is given there.
    assert env.text("METRICS_TOKEN") == "of-the-file"


def test_lists_and_addresses_come_from_files_too(given):
    given("SECRET_KEY_FALLBACKS", b"old,older\n")
    given("DATABASE_URL", b"postgresql://exchange_web:p%40ss@db:6000/exchange\n")
    assert env.items("SECRET_KEY_FALLBACKS") == ["old", "older"]
    database = env.database("DATABASE_URL")
    assert (database["USER"], database["PASSWORD"], database["PORT"]) == ("exchange_web", "p@ss", "6000")


def test_a_child_that_is_given_a_value_is_not_given_the_file_of_it(given):
    given("DATABASE_URL", b"postgresql://ours\n")
    child = env.for_child(DATABASE_URL="postgresql://scratch")
    assert child["DATABASE_URL"] == "postgresql://scratch"
    assert "DATABASE_URL_FILE" not in child
