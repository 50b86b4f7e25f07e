"""The log-on of the order socket: who may send orders here, proved by one signature.

Signed like a REST request, `instruction=logon[&<key>=<value>...]&timestamp=...&window=...` over the members of
`params`, and checked in the same order. Such a signature counts once, and nothing else that is signed can stand for it.
"""

import re
import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from accounts.api import replay
from accounts.api.fast_auth import known_key
from accounts.principal import Principal
from accounts.signing import key_store
from accounts.signing.canonical import Prefixed, body_pairs
from accounts.signing.key_store import KnownKey
from accounts.signing.verify import Signed, check_signature, signed_parts
from exchange_site.kernel.db_threads import in_db_thread
from exchange_site.kernel.errors import UNAUTHORIZED
from exchange_site.kernel.errors import ApiError as ApiError
from trading.input_fields import invalid, whole

INSTRUCTION = "logon"
SCOPE = "trade"
SIGNATURE_PARTS = 4
SILENT_AT_LEAST_S, SILENT_AT_MOST_S = 2, 300
_NAME = re.compile(r"[A-Za-z0-9_-]{1,26}", re.ASCII)  # With an id of 36 characters a key stays within 64.


@dataclass(frozen=True, slots=True)
class LogOn:
    """`name` joins an id to an idempotency key; whoever logs on with it again can repeat what was not answered.

    `silent_s`: cancel on disconnect, also after so many seconds without a frame. None: orders stay.
    """

    public_key: str
    principal: Principal
    name: str
    silent_s: int | None

    def key_of(self, id_: str) -> str:
        return f"{self.name}:{id_}"


async def log_on(params: Any, signature: Any, scope: MutableMapping[str, Any]) -> LogOn:
    """Raises ApiError; DatabaseError when the key cannot be looked up."""
    signed = _signed(signature)
    key = await known_key(signed)
    signed.check_time()
    if params is not None and not isinstance(params, dict):
        raise invalid("params must be a JSON object")
    members: dict[str, Any] = params or {}
    check_signature(key.public_key, signed, [Prefixed(INSTRUCTION, body_pairs(members))])
    demand_rights(key, scope)
    name, silent_s = _name(members.get("session")), _silent_s(members)
    await in_db_thread(partial(_remember, signed, key))
    return LogOn(signed.public_key, key.principal, name, silent_s)


def demand_rights(key: KnownKey, scope: MutableMapping[str, Any]) -> None:
    """What has to be so as long as the session lives. Raises ApiError."""
    key.demand_address(scope)
    key.principal.demand(SCOPE)


def _remember(signed: Signed, key: KnownKey) -> None:
    replay.demand_new(signed)
    if key_store.due_for_noting(key) and key.principal.key_id is not None:
        key_store.note_use(key.principal.key_id)


def _signed(signature: Any) -> Signed:
    if signature is None:
        raise ApiError(UNAUTHORIZED, "signature is missing")
    if not isinstance(signature, list) or len(signature) != SIGNATURE_PARTS:
        raise invalid("signature must be an array of public key, signature, timestamp and window")
    parts = []
    for part in signature:
        if not isinstance(part, str):  # A number keeps its digits, so a timestamp may be one.
            raise invalid("The parts of signature must be strings")
        parts.append(str(part))
    return signed_parts(*parts)


def _name(value: Any) -> str:
    if value is None:
        return secrets.token_urlsafe(12)
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise invalid("session must be 1 to 26 of the characters A-Z a-z 0-9 _ -")
    return str(value)


def _silent_s(members: dict[str, Any]) -> int | None:
    seconds = whole(members, "cancelOnDisconnect")
    if seconds is not None and not SILENT_AT_LEAST_S <= seconds <= SILENT_AT_MOST_S:
        raise invalid(f"cancelOnDisconnect must be {SILENT_AT_LEAST_S} to {SILENT_AT_MOST_S} seconds")
    return seconds
