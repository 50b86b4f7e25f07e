"""API keys made by their owner: what may be asked of one, the proof that its secret exists, and its end.

The secret half never comes here. Whoever registers a public key signs a challenge of this session with it: a key that
nobody can sign with, or that belongs to somebody else, is refused.
"""

import base64
import binascii
import ipaddress
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.utils import timezone

from accounts import services
from accounts.models import Account, ApiKey, AuditEntry, User
from accounts.signing import key_store
from accounts.signing.keys import InvalidPublicKey, decode_public_key
from accounts.wallet import second_factor

MAX_LIVE_KEYS = 20
MAX_NETWORKS = 20
MAX_NAME = 64
LIFETIMES_DAYS = {"30": 30, "90": 90, "365": 365, "never": None}
CHALLENGE_KEY = "api_key_challenge"
CHALLENGE_VALID_S = 600
SCOPES = ("read", "trade", "withdraw")


class Refused(ValueError):
    """The message is a sentence for the key's owner."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A checked wish for a key."""

    public_key: str
    name: str
    scopes: frozenset[str]
    networks: tuple[str, ...]
    expires_at: datetime | None


def signed_text(challenge: str) -> str:
    """What the new key signs: never the text of a request."""
    return f"instruction=registerKey&challenge={challenge}"


def challenge_of(session: Any) -> str:
    """This session's challenge, made when there is none that will last for a while."""
    kept = session.get(CHALLENGE_KEY)
    if not kept or time.time() - kept[1] > CHALLENGE_VALID_S / 2:
        kept = session[CHALLENGE_KEY] = [secrets.token_urlsafe(24), int(time.time())]
    return str(kept[0])


def take_challenge(session: Any) -> str:
    """The challenge, for the only use of it. Raises Refused."""
    kept = session.pop(CHALLENGE_KEY, None)
    if not kept or time.time() - kept[1] > CHALLENGE_VALID_S:
        raise Refused("The page was open for too long; try again.")
    return str(kept[0])


def wanted(user: User, form: dict[str, Any], scopes: list[str]) -> Wanted:
    """What a form asks for. Raises Refused."""
    chosen = frozenset(scopes)
    if not chosen or chosen - set(SCOPES):
        raise Refused("Choose at least one permission.")
    networks = _networks(str(form.get("ip_list", "")))
    if "withdraw" in chosen:
        if not networks:
            raise Refused("A key that may withdraw needs a list of addresses it is used from.")
        if not second_factor.has_one(user):
            raise Refused("Set up a second factor before you let a key withdraw.")
    lifetime = str(form.get("lifetime", ""))
    if lifetime not in LIFETIMES_DAYS:
        raise Refused("Choose how long the key is valid.")
    days = LIFETIMES_DAYS[lifetime]
    name = " ".join(str(form.get("name", "")).split())
    if len(name) > MAX_NAME or not name.isprintable():
        raise Refused(f"A name has at most {MAX_NAME} ordinary characters.")
    public_key = str(form.get("public_key", "")).strip()
    try:
        decode_public_key(public_key)
    except InvalidPublicKey as error:
        raise Refused(f"{error}.") from error
    return Wanted(public_key, name, chosen, networks, None if days is None else timezone.now() + timedelta(days=days))


def _networks(text: str) -> tuple[str, ...]:
    found = []
    for part in text.replace(",", " ").split():
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            raise Refused(f"{part[:64]!r} is no address and no network.") from None
    if len(found) > MAX_NETWORKS:
        raise Refused(f"At most {MAX_NETWORKS} addresses.")
    return tuple(dict.fromkeys(found))


def demand_possession(public_key: str, signature: str, challenge: str) -> None:
    """Raises Refused unless whoever sent this can sign with the key."""
    try:
        raw = base64.b64decode(signature.strip(), validate=True)
        Ed25519PublicKey.from_public_bytes(decode_public_key(public_key)).verify(raw, signed_text(challenge).encode())
    except (binascii.Error, ValueError, InvalidSignature):
        raise Refused("The signature does not fit: sign the text shown here with the key's secret.") from None


def register(account: Account, wish: Wanted, ip_address: str | None) -> ApiKey:
    """Raises Refused. The key works at once."""
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        if live_keys(account).count() >= MAX_LIVE_KEYS:
            raise Refused(f"There are {MAX_LIVE_KEYS} keys already; revoke one first.")
        try:
            key = services.create_api_key(account, wish.public_key, set(wish.scopes), wish.name)
        except ValueError as error:
            raise Refused(str(error)) from error
        key.ip_list, key.expires_at = "\n".join(wish.networks), wish.expires_at
        key.save(update_fields=["ip_list", "expires_at"])
        _note("api_key.create", key, ", ".join(sorted(wish.scopes)), ip_address)
    key_store.store.forget(key.public_key)
    return key


def revoke(account: Account, key_id: int, ip_address: str | None) -> ApiKey | None:
    """For good; effective in every process within five seconds. None: the account has no such key that lives."""
    key = ApiKey.objects.filter(account=account, pk=key_id, revoked_at__isnull=True).first()
    if key is None:
        return None
    key.revoked_at = timezone.now()
    key.save(update_fields=["revoked_at"])
    key_store.store.forget(key.public_key)
    _note("api_key.revoke", key, "", ip_address)
    return key


def live_keys(account: Account) -> Any:
    """Newest first, with those that have run out."""
    return ApiKey.objects.filter(account=account, revoked_at__isnull=True).order_by("-id")


def _note(action: str, key: ApiKey, reason: str, ip_address: str | None) -> None:
    AuditEntry.objects.create(
        actor=key.account.user,
        action=action,
        subject=f"{key.account} key {key.pk}"[:128],
        reason=reason[:256],
        ip_address=ip_address,
    )
