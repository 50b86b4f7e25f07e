"""The rules of a new password: told in the page, ticked by a script, decided by the server. All three are one."""

import re
from binascii import crc32

import pytest
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User

TABLE = re.compile(r'\["([^"]*)", "([^"]*)", (true|false)\]')


def problems(password: str, email: str) -> set[str]:
    try:
        validate_password(password, User(email=email))
    except ValidationError as refused:
        return {each.code for each in refused.error_list}
    return set()


def test_the_script_finds_alike_what_django_finds_alike():
    source = (settings.BASE_DIR / "static/js/tests/password_rules.test.mjs").read_text(encoding="utf-8")
    cases = TABLE.findall(source)
    assert len(cases) > 5
    for email, password, unlike in cases:
        assert ("password_too_similar" not in problems(password, email)) is (unlike == "true"), (email, password)


@pytest.mark.django_db
def test_the_page_tells_the_rules_that_are_applied(client):
    text = client.get("/accounts/signup/").content.decode()
    assert re.search(r'data-rule="long" data-limit="12">At least 12 characters', text)
    assert re.search(r'data-rule="other" data-limit="0.7">', text)
    sums = re.search(r'data-rule="rare" data-limit="([0-9a-f ]+)"', text)
    assert sums
    assert f"{crc32(b'qwerty123456'):x}" in sums[1].split()
    assert "qwerty123456" not in text
    assert problems("qwerty123456", "a@example.org") == {"password_too_common"}
    assert problems("password", "a@example.org") >= {"password_too_short"}
    described = re.search(r'name="password1"[^>]*aria-describedby="([\w-]+)"', text)
    assert described
    assert f'id="{described[1]}"' in text
