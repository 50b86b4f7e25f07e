"""A frozen user: out everywhere at once, by one person; let in again by two."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.urls import reverse

from accounts import freezing
from accounts.audit.models import AuditEntry
from accounts.models import User
from accounts.services import create_user
from exchange_site.kernel.errors import ApiError
from exchange_site.ops import roles
from marketdata import wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def two_people(db, settings):
    settings.STAFF_ONE_PERSON = False
    roles.sync()


def staff(name, role):
    user = create_user(f"{name}@example.org", PASSWORD)
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def sue():
    return staff("sue", roles.SECURITY)


@pytest.fixture
def sam():
    return staff("sam", roles.SECURITY)


@pytest.fixture
def bob():
    return create_user("bob@example.org", PASSWORD)


def page(name, user):
    return reverse(f"admin:accounts_user_{name}", args=[user.pk])


def test_a_frozen_user_is_logged_out_everywhere_and_cannot_come_back(client, sue, bob):
    theirs = type(client)()
    theirs.post(reverse("account_login"), {"login": bob.email, "password": PASSWORD})
    assert theirs.get(reverse("wallet")).status_code == 200
    assert UserSession.objects.filter(user=bob).count() == 1
    client.force_login(sue)
    assert b"freeze" in client.get(page("change", bob)).content
    answer = client.post(page("freeze", bob), {"reason": "their mail was stolen"}, follow=True)
    assert "1 sessions are ended" in answer.content.decode()
    assert "FROZEN" in answer.content.decode()
    assert theirs.get(reverse("wallet")).status_code == 302
    again = theirs.post(reverse("account_login"), {"login": bob.email, "password": PASSWORD})
    assert "_auth_user_id" not in theirs.session, again.status_code
    row = AuditEntry.objects.get(action="user.freeze")
    assert (row.subject, row.reason, row.actor_name) == (bob.email, "their mail was stolen", sue.email)


def test_letting_in_again_takes_a_second_person(client, sue, sam, bob):
    freezing.freeze(bob, By(sue, "odd log-ins"))
    bob.refresh_from_db()
    client.force_login(sue)
    answer = client.post(page("unfreeze", bob), {"reason": "it was him"}, follow=True)
    assert "Somebody else must approve it" in answer.content.decode()
    assert not User.objects.get(pk=bob.pk).is_active
    wish = StaffWish.objects.get()
    with pytest.raises(ApiError, match="somebody else"):
        wishes.approve(wish.pk, By(sue, "me"))
    wishes.approve(wish.pk, By(sam, "I called him too"))
    assert User.objects.get(pk=bob.pk).is_active


def test_a_newer_freeze_makes_an_older_wish_void(sue, sam, bob):
    freezing.freeze(bob, By(sue, "odd log-ins"))
    bob.refresh_from_db()
    wish = freezing.ask_to_unfreeze(bob, By(sue, "it was him"))
    User.objects.filter(pk=bob.pk).update(is_active=True)
    freezing.freeze(bob, By(sam, "odd again"))
    with pytest.raises(ApiError, match="too late"):
        wishes.approve(wish.pk, By(sam, "yes"))


def test_nobody_decides_about_themselves_or_those_above(sue, bob):
    root = User.objects.create_superuser("root@example.org", PASSWORD)
    for user in (sue, root):
        with pytest.raises(ApiError):
            freezing.freeze(user, By(sue, "x"))
        with pytest.raises(ApiError):
            freezing.ask_to_unfreeze(user, By(sue, "x"))
    with pytest.raises(ApiError, match="not frozen"):
        freezing.ask_to_unfreeze(bob, By(sue, "x"))
    freezing.freeze(bob, By(sue, "x"))
    with pytest.raises(ApiError, match="frozen already"):
        freezing.freeze(bob, By(sue, "x"))
