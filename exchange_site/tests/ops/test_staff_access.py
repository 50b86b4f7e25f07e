"""Into the admin: only staff, with a second factor, from where staff sits, and not for ever. Looking as a user."""

import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts.api import proof
from accounts.audit.models import AuditEntry
from accounts.models import User
from accounts.services import create_user
from exchange_site.kernel.errors import ApiError
from exchange_site.ops import roles, staff_access

ADMIN = "/admin/accounts/user/"


@pytest.fixture
def staff(db, client):
    roles.sync()
    user = create_user("support@example.org", "correct horse battery")
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=roles.SUPPORT))
    client.force_login(user)
    return user


@pytest.fixture
def alice(db):
    return create_user("alice@example.org", "correct horse battery")


def test_s24_without_a_second_factor_staff_is_sent_to_set_one_up(staff, client, settings):
    settings.STAFF_SECOND_FACTOR = True
    answer = client.get(ADMIN)
    assert (answer.status_code, answer["Location"]) == (302, reverse("mfa_activate_totp"))
    TOTP.activate(staff, generate_totp_secret())
    assert Authenticator.objects.filter(user=staff).exists()
    assert client.get(ADMIN).status_code == 200


def test_s24_an_idle_session_ends(staff, client, settings):
    assert client.get(ADMIN).status_code == 200
    session = client.session
    session[staff_access.SEEN] -= settings.STAFF_IDLE_S + 1
    session.save()
    answer = client.get(ADMIN)
    assert answer.status_code == 302
    assert "login" in answer["Location"]
    assert "_auth_user_id" not in client.session


def test_s24_an_old_session_ends_however_busy_it_is(staff, client, settings):
    client.get(ADMIN)
    session = client.session
    session[staff_access.SINCE] -= settings.STAFF_SESSION_S + 1
    session.save()
    assert client.get(ADMIN).status_code == 302


def test_s24_from_elsewhere_there_is_no_admin(staff, client, settings):
    settings.STAFF_NETWORKS = ["10.1.0.0/16"]
    assert client.get(ADMIN).status_code == 404
    assert client.get(ADMIN, REMOTE_ADDR="10.1.2.3").status_code == 200
    settings.STAFF_NETWORKS, settings.STAFF_HOSTS = [], ["staff.example.org"]
    assert client.get(ADMIN).status_code == 404
    settings.ALLOWED_HOSTS = ["staff.example.org"]
    assert client.get(ADMIN, HTTP_HOST="staff.example.org").status_code == 200


def look_as(client, user):
    return client.post(reverse("hijack:acquire"), {"user_pk": user.pk, "next": reverse("account_logout")})


def test_s25_looking_as_a_user_changes_nothing_and_is_on_record(staff, client, alice):
    page = client.get(reverse("admin:accounts_user_look_as", args=[alice.pk]))
    assert b"Look as alice@example.org" in page.content
    assert look_as(client, alice).status_code == 302
    seen = client.get(reverse("account_logout")).content.decode()
    assert "You see the site as <strong>alice@example.org</strong>" in seen
    german = client.get(reverse("account_logout"), headers={"accept-language": "de"}).content.decode()
    assert "Sie sehen die Website als <strong>alice@example.org</strong>" in german
    for path in ("/theme", reverse("account_change_password"), "/wallet/faucet"):
        answer = client.post(path, {"theme": "light"})
        assert answer.status_code == 403, path
    refused = client.post("/wapi/v1/capital/withdrawals", json.dumps({}), content_type="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    principal = proof.load_session(client.session.session_key)
    assert principal.user_id == alice.pk
    assert (principal.only_looks, principal.can_trade, principal.can_withdraw) == (True, False, False)
    assert client.get(ADMIN).status_code == 302, "as alice there is no admin"
    assert client.post(reverse("hijack:release")).status_code == 302
    assert "_auth_user_id" not in client.session, "the way back is a log-in, with its second factor"
    assert "login" in client.get(ADMIN)["Location"]
    rows = AuditEntry.objects.order_by("number").values_list("action", "actor_name", "subject")
    began, ended = [row for row in rows if row[0].startswith("look_as")]
    assert began == ("look_as.begin", "support@example.org", "alice@example.org")
    assert ended == ("look_as.end", "support@example.org", "alice@example.org")
    assert not [row for row in rows if row[0] == "login" and row[1] == "alice@example.org"]


def test_s25_nobody_looks_as_staff_or_without_the_right(staff, client, alice):
    other = User.objects.create(email="admin@example.org", is_staff=True)
    assert look_as(client, other).status_code == 403
    staff.groups.clear()
    assert look_as(client, alice).status_code == 403
    client.force_login(alice)
    assert look_as(client, other).status_code == 403


def test_the_fast_lane_refuses_too(staff, client, alice):
    look_as(client, alice)
    proof.forget_sessions()
    principal = proof.load_session(client.session.session_key)
    with pytest.raises(ApiError):
        principal.demand("trade")


def test_nobody_gives_roles_to_themselves_or_changes_those_above(staff, client):
    staff.groups.set([Group.objects.get(name=roles.ADMINISTRATOR)])
    own = reverse("admin:accounts_user_change", args=[staff.pk])
    treasury = Group.objects.get(name=roles.TREASURY)
    client.post(own, {"first_name": "x", "groups": [treasury.pk], "is_staff": "on", "is_active": "on"})
    assert not staff.groups.filter(pk=treasury.pk).exists()
    root = create_user("root@example.org", "correct horse battery", staff=True)
    assert client.post(reverse("admin:accounts_user_change", args=[root.pk]), {}).status_code == 403
    bob = create_user("bob@example.org", "correct horse battery")
    given = {"first_name": "", "last_name": "", "is_active": "on", "is_staff": "on", "groups": [treasury.pk]}
    page = reverse("admin:accounts_user_change", args=[bob.pk])
    assert client.post(page, {**given, "reason": "joined"}).status_code == 302
    assert not bob.groups.filter(pk=treasury.pk).exists(), "a second administrator has to approve it"
    asked, changed = AuditEntry.objects.order_by("-number")[:2]
    assert (asked.action, asked.subject) == (
        "role.give.ask",
        "Give bob@example.org: treasury, access to the administration",
    )
    assert (changed.action, changed.subject) == ("user.change", "bob@example.org")
