"""How a row of the audit log is hashed. Anybody can check it with SHA-256 and this page.

A row's hash covers everything it says and the hash before it, so a row that is changed, removed or slipped in makes
every later hash wrong. The bytes are those of one JSON list in ASCII without spaces, with sorted keys; times are UTC
with six digits.
"""

import hashlib
import ipaddress
import json
from datetime import UTC, datetime
from typing import Any

GENESIS = "0" * 64  # What stands before the first row.
MAX_DETAILS_BYTES = 8_192
MAX_TEXT = 1_024


def row_hash(row: Any) -> str:
    """`row` has the fields of `AuditEntry`, `previous_hash` included."""
    content = [
        row.number,
        time_text(row.at),
        row.actor_id,
        row.actor_name,
        row.action,
        row.subject,
        row.reason,
        row.command_id,
        address_text(row.ip_address),
        row.request_id,
        row.details,
        row.previous_hash,
    ]
    return hashlib.sha256(canonical(content)).hexdigest()


def canonical(value: Any) -> bytes:
    """The one way to write a value. Raises TypeError or ValueError for what JSON has no exact form of."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def address_text(address: object) -> str:
    """PostgreSQL spells addresses its own way, so they are compared as addresses."""
    return "" if not address else str(ipaddress.ip_address(str(address).partition("/")[0]))


def clean_text(text: object, limit: int = MAX_TEXT) -> str:
    """What PostgreSQL can keep: no NUL, no lone surrogates, at most `limit` characters."""
    return str(text).replace("\0", "").encode("utf-8", "replace").decode()[:limit]


def clean_details(details: dict[str, Any]) -> dict[str, Any]:
    """Text, whole numbers, yes and no, lists and objects of them: what comes back from the database as it went in.

    Everything else (Decimal, dates, rows) becomes text. Raises ValueError for more than 8 KiB.
    """
    cleaned: dict[str, Any] = _clean(details)
    if len(canonical(cleaned)) > MAX_DETAILS_BYTES:
        raise ValueError(f"Details of an audit row may have {MAX_DETAILS_BYTES} bytes.")
    return cleaned


def _clean(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value
    if isinstance(value, dict):
        return {clean_text(key): _clean(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(one) for one in value]
    return clean_text(value)
