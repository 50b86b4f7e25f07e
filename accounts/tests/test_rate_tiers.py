"""Rate tiers: given by command and in the admin, with a record of who did it."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Account, ApiKey, AuditEntry, RateTier, User
from accounts.services import create_user
from accounts.tiers import LOAD_TEST, MARKET_MAKER, give_tier

pytestmark = pytest.mark.django_db
PASSWORD = "a long enough password"


def test_commands_give_and_take_tiers() -> None:
    call_command("create_user", "fast@example.org", password=PASSWORD, rate_tier=LOAD_TEST, stdout=io.StringIO())
    account = Account.objects.get(user__email="fast@example.org")
    assert account.rate_tier == RateTier.objects.get(name=LOAD_TEST)
    call_command("set_rate_tier", "fast@example.org", MARKET_MAKER, stdout=io.StringIO())
    account.refresh_from_db()
    assert str(account.rate_tier) == MARKET_MAKER
    call_command("set_rate_tier", "fast@example.org", "default", stdout=io.StringIO())
    account.refresh_from_db()
    assert account.rate_tier is None
    with pytest.raises(CommandError, match="no rate tier 'slow'"):
        call_command("set_rate_tier", "fast@example.org", "slow")
    with pytest.raises(CommandError, match="no rate tier"):
        call_command("create_user", "slow@example.org", password=PASSWORD, rate_tier="slow")
    assert not User.objects.filter(email="slow@example.org").exists()


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(create_user("operator@example.org", PASSWORD, staff=True))
    return client


def test_staff_give_an_account_a_tier_and_nothing_else(staff: Client) -> None:
    account = create_user("maker@example.org", PASSWORD).account
    tier = RateTier.objects.create(name="maker", requests_per_minute=90_000)
    page = reverse("admin:accounts_account_change", args=[account.pk])
    assert staff.get(page).status_code == 200
    answer = staff.post(page, {"rate_tier": tier.pk, "kind": "house", "id": "1"})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    account.refresh_from_db()
    assert (account.rate_tier, account.kind) == (tier, "user")
    entry = AuditEntry.objects.get(action="account.rate_tier")
    assert (entry.subject, entry.reason) == ("maker@example.org", "maker")


@pytest.mark.parametrize("per_minute", ["", "0", "-1", "5999", "60000001", "1e4"])
def test_numbers_that_no_tier_has(staff: Client, per_minute: str) -> None:
    staff.post(reverse("admin:accounts_ratetier_add"), {"name": "odd", "requests_per_minute": per_minute})
    assert not RateTier.objects.filter(name="odd").exists()


def test_a_tier_that_is_given_cannot_be_deleted(staff: Client) -> None:
    account = create_user("maker@example.org", PASSWORD).account
    give_tier(account, MARKET_MAKER)
    tier: Any = account.rate_tier
    staff.post(reverse("admin:accounts_ratetier_delete", args=[tier.pk]), {"post": "yes"})
    assert RateTier.objects.filter(pk=tier.pk).exists()


def test_staff_without_the_right_only_look(client: Client) -> None:
    user = create_user("support@example.org", PASSWORD)
    user.is_staff = True
    user.save()
    client.force_login(user)
    assert client.get(reverse("admin:accounts_ratetier_changelist")).status_code == 403
    account = create_user("maker@example.org", PASSWORD).account
    page = reverse("admin:accounts_account_change", args=[account.pk])
    assert client.post(page, {"rate_tier": ""}).status_code == 403


def test_a_key_has_no_limits_of_its_own_at_first() -> None:
    account = create_user("maker@example.org", PASSWORD).account
    key = ApiKey.objects.create(account=account, public_key="A" * 44)
    assert (key.ip_list, key.requests_per_minute) == ("", None)
