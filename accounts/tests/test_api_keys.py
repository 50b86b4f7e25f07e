"""API keys on their page: proof of possession, permissions, lists of addresses, an end; and who may not have them."""

import base64
import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, AuditEntry
from accounts.services import create_user
from accounts.signing import key_store

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PAGE = "/account/keys"
SMALL_ORDER = [
    "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  # The identity: it verifies any message.
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "7P///////////////////////////////////////38=",
]


class Owner:
    """A person at the page of keys, with a secret of a program."""

    def __init__(self, client: Client, email: str = "alice@example.org") -> None:
        self.client = client
        self.user = create_user(email, PASSWORD)
        self.log_in()
        self.secret = Ed25519PrivateKey.generate()
        self.public_key = base64.b64encode(self.secret.public_key().public_bytes_raw()).decode()

    def log_in(self) -> None:
        answer = self.client.post("/accounts/login/", {"login": self.user.email, "password": PASSWORD})
        assert answer.status_code == 302
        answer = self.client.post(f"/accounts/reauthenticate/?next={PAGE}", {"password": PASSWORD})
        assert answer.status_code == 302

    def challenge(self) -> str:
        text = self.client.get(PAGE).content.decode()
        found = re.search(r'data-challenge="(instruction=registerKey&amp;challenge=[\w-]+)"', text)
        assert found, text[:600]
        return found[1].replace("&amp;", "&")

    def register(self, *, text: str | None = None, secret: Any = None, **changes: Any) -> Any:
        signed = (secret or self.secret).sign((text or self.challenge()).encode())
        form = {
            "name": "bot", "lifetime": "90", "scope": ["read", "trade"], "ip_list": "",
            "public_key": self.public_key, "signature": base64.b64encode(signed).decode(), **changes,
        }  # fmt: skip
        return self.client.post(PAGE, form)


@pytest.fixture(autouse=True)
def _everybody_may_log_in_often(settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False


@pytest.fixture
def owner(client: Client) -> Owner:
    return Owner(client)


def test_a_key_is_registered_with_what_was_chosen(owner: Owner) -> None:
    answer = owner.register(ip_list="192.0.2.7, 198.51.100.0/24\n2001:db8::1/64", name="  my   bot ")
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    key = ApiKey.objects.get()
    assert (key.account, key.public_key, key.name) == (owner.user.account, owner.public_key, "my bot")
    assert (key.can_read, key.can_trade, key.can_withdraw) == (True, True, False)
    assert key.ip_list.split() == ["192.0.2.7/32", "198.51.100.0/24", "2001:db8::/64"]
    assert timedelta(days=89) < key.expires_at - timezone.now() < timedelta(days=91)
    assert AuditEntry.objects.get(action="api_key.create").actor == owner.user
    assert "was registered" in mail.outbox[-1].subject
    known = key_store.store.load(owner.public_key)
    assert known is not None
    assert len(known.networks) == 3
    assert owner.public_key in owner.client.get(PAGE).content.decode()


def test_the_page_shows_no_style_and_no_script_of_its_own(owner: Owner) -> None:
    text = owner.client.get(PAGE).content.decode()
    assert " style=" not in text
    assert "<style" not in text
    assert not re.search(r"<script(?![^>]*src=)", text)


def test_the_proof_is_of_this_session_of_this_key_and_counts_once(owner: Owner) -> None:
    challenge = owner.challenge()
    for text, secret in (
        ("instruction=registerKey&challenge=other", None),
        (challenge.replace("registerKey", "withdraw"), None),
        (None, Ed25519PrivateKey.generate()),
    ):
        assert owner.register(text=text, secret=secret).status_code == 400
    assert not ApiKey.objects.exists()
    assert owner.register(text=challenge).status_code == 400  # The tries above have used it up.
    assert owner.register().status_code == 302
    assert owner.register().status_code == 400  # The same key again.
    assert ApiKey.objects.count() == 1


def test_a_challenge_runs_out(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = owner.challenge()
    monkeypatch.setattr(api_keys, "CHALLENGE_VALID_S", -1)
    assert owner.register(text=challenge).status_code == 400
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("public_key", [*SMALL_ORDER, "", "AAAA", "x" * 44, "ключ", " "])
def test_s10_what_is_no_proper_key(owner: Owner, public_key: str) -> None:
    assert owner.register(public_key=public_key).status_code == 400
    assert not ApiKey.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": []}, {"scope": ["admin"]}, {"scope": ["read", "is_staff"]}, {"lifetime": "9999"}, {"lifetime": ""},
        {"ip_list": "everywhere"}, {"ip_list": "1.2.3"}, {"ip_list": "1.2.3.4/33"}, {"signature": ""},
        {"ip_list": " ".join(f"10.0.0.{i}" for i in range(21))}, {"signature": "ÿ"}, {"signature": "A" * 88},
        {"name": "x" * 65}, {"name": "a\x00b"}, {"name": "\u202egnp.exe"}, {"scope": ["withdraw"]},
        {"scope": ["withdraw"], "ip_list": "192.0.2.7"},
    ],
)  # fmt: skip
def test_what_cannot_be_chosen(owner: Owner, changes: dict[str, Any]) -> None:
    assert owner.register(**changes).status_code == 400
    assert not ApiKey.objects.exists()


def test_s13_a_key_withdraws_only_with_a_second_factor_and_a_list(owner: Owner) -> None:
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert owner.register(scope=["withdraw"]).status_code == 400
    assert owner.register(scope=["withdraw"], ip_list="192.0.2.7").status_code == 302
    assert ApiKey.objects.filter(can_withdraw=True, ip_list="192.0.2.7/32").count() == 1


def test_a_key_is_revoked_by_its_owner_alone(owner: Owner) -> None:
    owner.register()
    key = ApiKey.objects.get()
    assert key_store.store.load(owner.public_key) is not None
    stranger = Owner(Client(), "mallory@example.org")
    assert stranger.client.post(f"{PAGE}/{key.pk}/revoke").status_code == 404
    assert stranger.client.get(f"{PAGE}/{key.pk}/revoke").status_code == 404
    assert "Revoke this key?" in owner.client.get(f"{PAGE}/{key.pk}/revoke").content.decode()
    assert key_store.store.load(owner.public_key) is not None
    assert owner.client.post(f"{PAGE}/{key.pk}/revoke").status_code == 302
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert key_store.store.cached(owner.public_key) == (False, None)
    assert key_store.store.load(owner.public_key) is None
    assert owner.client.post(f"{PAGE}/{key.pk}/revoke").status_code == 404
    assert "was revoked" in mail.outbox[-1].subject
    assert owner.public_key not in owner.client.get(PAGE).content.decode()


def test_there_is_a_last_key(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_keys, "MAX_LIVE_KEYS", 1)
    assert owner.register().status_code == 302
    owner.secret = Ed25519PrivateKey.generate()
    owner.public_key = base64.b64encode(owner.secret.public_key().public_bytes_raw()).decode()
    assert owner.register().status_code == 400


def test_s7_an_old_login_is_asked_for_the_password(owner: Owner, settings: Any) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = -1
    answer = owner.client.get(PAGE)
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]


def test_visitors_log_in_first(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    assert client.post(PAGE, {}).status_code == 302


def test_another_site_cannot_make_a_key(owner: Owner) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = owner.client.cookies
    assert strict.post(PAGE, {"public_key": owner.public_key}).status_code == 403
