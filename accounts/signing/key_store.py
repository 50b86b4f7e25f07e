"""API keys by public key, read from the database and kept for a moment.

A revoked key stops within `FRESH_S`. While the database is away, known keys go on working for `STALE_S`: trading does
not need the database. Unknown keys are remembered too, so that guessing does not become load.
"""

import base64
import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import ApiKey
from accounts.principal import Principal
from accounts.selectors import allowance_of
from accounts.signing.keys import InvalidPublicKey, decode_public_key
from exchange_site.kernel.client_address import Network, is_within
from exchange_site.kernel.clock import ms_of, now_ms
from exchange_site.kernel.errors import FORBIDDEN, ApiError

log = logging.getLogger(__name__)

FRESH_S = 2.5
STALE_S = 600
MAX_KEPT = 10_000
USE_NOTED_EVERY_S = 60


@dataclass(slots=True)
class KnownKey:
    principal: Principal
    public_key: bytes  # 32 of them, a proper point of the curve.
    expires_at_ms: int | None
    use_noted_at: float  # Monotonic seconds; 0 when never in this process.
    networks: tuple[Network, ...] = ()  # Where it may be used from; empty: everywhere.

    def expired(self) -> bool:
        return self.expires_at_ms is not None and self.expires_at_ms <= now_ms()

    def demand_address(self, scope: Mapping[str, Any]) -> None:
        """Raises ApiError FORBIDDEN unless the key may be used from where the request comes from."""
        if self.networks and not is_within(scope, self.networks):
            raise ApiError(FORBIDDEN, "The key may not be used from this address")


class KeyStore:
    """Safe for threads. `cached` never touches the database, `load` does."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, KnownKey | None]] = OrderedDict()
        self._lock = threading.Lock()

    def cached(self, public_key: str) -> tuple[bool, KnownKey | None]:
        """(fresh, key): when not fresh, ask `load`."""
        entry = self._kept.get(public_key)
        if entry is None or time.monotonic() - entry[0] > FRESH_S:
            return False, None
        return True, entry[1]

    def last_known(self, public_key: str) -> KnownKey | None:
        """What was known of a key, however long ago. Proves nothing; for deciding whom to count a request for."""
        entry = self._kept.get(public_key)
        return None if entry is None else entry[1]

    def load(self, public_key: str) -> KnownKey | None:
        """The key as the database has it now; the last known one while that is away. May raise DatabaseError."""
        try:
            found = _from_database(public_key)
        except DatabaseError:
            entry = self._kept.get(public_key)
            if entry is None or entry[1] is None or time.monotonic() - entry[0] > STALE_S:
                raise
            log.warning("The database is away; API key %s goes on as it was known.", entry[1].principal.key_id)
            return entry[1]
        with self._lock:
            previous = self._kept.pop(public_key, (0.0, None))[1]
            if found is not None and previous is not None:
                found.use_noted_at = previous.use_noted_at
            self._kept[public_key] = (time.monotonic(), found)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return found

    def load_many(self, public_keys: set[str]) -> dict[str, KnownKey]:
        """Those that can be used, as the database has them now, with one question for all. May raise DatabaseError."""
        rows = _usable_rows().filter(public_key__in=public_keys)
        found = {row.public_key: known for row in rows if (known := _known(row)) is not None}
        with self._lock:
            for public_key in public_keys:
                previous, known = self._kept.get(public_key, (0.0, None))[1], found.get(public_key)
                if known is not None and previous is not None:
                    known.use_noted_at = previous.use_noted_at
                self._kept[public_key] = (time.monotonic(), known)
        return found

    def forget(self, public_key: str | None = None) -> None:
        """Ask the database again next time: for one key, or for all."""
        with self._lock:
            if public_key is None:
                self._kept.clear()
            else:
                self._kept.pop(public_key, None)


def _from_database(public_key: str) -> KnownKey | None:
    """None for what cannot be used: unknown, revoked, expired, of a closed user, or not a key at all."""
    try:
        raw = decode_public_key(public_key)
    except InvalidPublicKey:
        return None
    row = _usable_rows().filter(public_key=public_key).first()
    return None if row is None else _known(row, raw)


def _usable_rows() -> "QuerySet[ApiKey]":
    rows = ApiKey.objects.filter(revoked_at__isnull=True, account__user__is_active=True)
    return rows.select_related("account__rate_tier")


def _known(row: ApiKey, raw: bytes | None = None) -> KnownKey | None:
    """`raw` are the key's bytes where they have been checked already. None: the account is nobody's."""
    if row.account.user_id is None:
        return None
    principal = Principal(
        account_id=row.account_id,
        user_id=row.account.user_id,
        can_read=row.can_read,
        can_trade=row.can_trade,
        can_withdraw=row.can_withdraw,
        key_id=row.pk,
        allowance=allowance_of(row.account, row.requests_per_minute),
    )
    expires_at_ms = None if row.expires_at is None else ms_of(row.expires_at)
    networks = tuple(ipaddress.ip_network(text) for text in row.ip_list.split())
    return KnownKey(principal, raw or base64.b64decode(row.public_key), expires_at_ms, 0.0, networks)


def due_for_noting(key: KnownKey) -> bool:
    """Whether `note_use` should be called; at most once a minute and key in this process."""
    now = time.monotonic()
    if key.use_noted_at and now - key.use_noted_at < USE_NOTED_EVERY_S:
        return False
    key.use_noted_at = now
    return True


def note_use(key_id: int) -> None:
    """Remember for the key's owner when it was last used. Only for show, so a missing database is no failure."""
    try:
        ApiKey.objects.filter(pk=key_id).update(last_used_at=timezone.now())
    except DatabaseError as error:
        log.warning("The last use of API key %d was not noted: %s", key_id, error)


store = KeyStore()
