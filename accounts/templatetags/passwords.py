"""The rules of a new password as a list. Scripts tick them while somebody types; the server decides, as ever."""

from binascii import crc32
from functools import cache
from typing import Any

from django import template
from django.contrib.auth.password_validation import (
    CommonPasswordValidator,
    MinimumLengthValidator,
    UserAttributeSimilarityValidator,
    get_default_password_validators,
)
from django.utils.translation import gettext, ngettext

register = template.Library()


@register.inclusion_tag("includes/password_rules.html", takes_context=True)
def password_rules(context: dict[str, Any], field: Any) -> dict[str, Any]:
    """Each rule of settings.AUTH_PASSWORD_VALIDATORS, in its order; one that scripts do not know is only told."""
    user = getattr(context.get("request"), "user", None)
    return {"id": f"{field.auto_id}_helptext", "rules": [_rule(each) for each in get_default_password_validators()],
            "email": getattr(user, "email", "")}  # fmt: skip


def _rule(validator: Any) -> dict[str, Any]:
    if isinstance(validator, MinimumLengthValidator):
        text = ngettext("At least %(count)d character", "At least %(count)d characters", validator.min_length)
        return {"key": "long", "limit": validator.min_length, "text": text % {"count": validator.min_length}}
    if isinstance(validator, UserAttributeSimilarityValidator):
        return {"key": "other", "limit": validator.max_similarity, "text": gettext("Not like your email")}
    if isinstance(validator, CommonPasswordValidator):
        return {"key": "rare", "limit": _common(), "text": gettext("Not a password that many people use")}
    return {"key": "", "limit": "", "text": validator.get_help_text()}


@cache
def _common() -> str:
    """CRC32 of each well-known password that is long enough: a page need not spell them out."""
    found = get_default_password_validators()
    least = max((each.min_length for each in found if isinstance(each, MinimumLengthValidator)), default=0)
    known: set[str] = next((each.passwords for each in found if isinstance(each, CommonPasswordValidator)), set())
    sums = sorted(crc32(each.encode()) for each in known if len(each) >= least and each.isascii())
    return " ".join(f"{each:x}" for each in sums)
