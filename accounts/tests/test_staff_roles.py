"""Rights of staff: given by two people, taken away by one."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts import staff_roles
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


def administrator(name):
    user = create_user(f"{name}@example.org", PASSWORD)
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=roles.ADMINISTRATOR))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def ann():
    return administrator("ann")


@pytest.fixture
def adam():
    return administrator("adam")


@pytest.fixture
def bob():
    return create_user("bob@example.org", PASSWORD)


def form(user, *names, staff=True, **more):
    groups = [Group.objects.get(name=name).pk for name in names]
    given = {"first_name": "", "last_name": "", "is_active": "on", "groups": groups, "reason": "joined the team"}
    return {**given, **({"is_staff": "on"} if staff else {}), **more}


def change(client, user, *names, **more):
    return client.post(reverse("admin:accounts_user_change", args=[user.pk]), form(user, *names, **more))


def held(user):
    return set(user.groups.values_list("name", flat=True)), User.objects.get(pk=user.pk).is_staff


def test_a_role_is_given_by_two(ann, adam, bob, client):
    client.force_login(ann)
    assert change(client, bob, roles.TREASURY).status_code == 302
    assert held(bob) == (set(), False), "it is only asked for"
    wish = StaffWish.objects.get()
    assert wish.summary == "Give bob@example.org: treasury, access to the administration"
    approve = reverse("admin:marketdata_staffwish_approve", args=[wish.pk])
    client.post(approve, {"reason": "of course"})
    assert held(bob) == (set(), False), "not by the one who asked"
    client.force_login(adam)
    client.post(approve, {"reason": "I know him"})
    assert held(bob) == ({roles.TREASURY}, True)
    row = AuditEntry.objects.get(action="role.give")
    assert (row.actor, row.details["approver"], row.subject) == (ann, "adam@example.org", "bob@example.org")
    assert row.details["before"] == {"roles": [], "staff": False, "superuser": False}
    assert row.details["after"]["roles"] == [roles.TREASURY]


def test_taking_away_takes_one_and_happens_at_once(ann, bob, client):
    bob.groups.add(Group.objects.get(name=roles.TREASURY), Group.objects.get(name=roles.AUDITOR))
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client.force_login(ann)
    assert change(client, bob, roles.AUDITOR, reason="").status_code == 302
    assert held(bob) == ({roles.AUDITOR}, True)
    assert change(client, bob, staff=False, reason="").status_code == 302
    assert held(bob) == (set(), False)
    assert not StaffWish.objects.exists()


def test_giving_and_taking_in_one_form_takes_now_and_gives_later(ann, bob, client):
    bob.groups.add(Group.objects.get(name=roles.TREASURY))
    User.objects.filter(pk=bob.pk).update(is_staff=True)
    client.force_login(ann)
    change(client, bob, roles.AUDITOR)
    assert held(bob) == (set(), True)
    assert StaffWish.objects.get().payload["roles"] == [roles.AUDITOR]


def test_without_a_reason_nothing_is_asked_for(ann, bob, client):
    client.force_login(ann)
    answer = change(client, bob, roles.TREASURY, reason=" ")
    assert answer.status_code == 200
    assert "Say why" in answer.content.decode()
    assert not StaffWish.objects.exists()


def test_who_is_to_have_it_does_not_approve_it(ann, bob):
    cleo = administrator("cleo")
    wish = staff_roles.ask_to_give(cleo, [roles.TREASURY], By(ann, "more work for cleo"))
    with pytest.raises(ApiError, match="themselves"):
        wishes.approve(wish.pk, By(cleo, "gladly"))
    with pytest.raises(ApiError, match="themselves"):
        staff_roles.ask_to_give(ann, [roles.TREASURY], By(ann, "for me"))
    with pytest.raises(ApiError, match="superuser"):
        staff_roles.ask_to_give(bob, [], By(ann, "he is good"), superuser=True)
    assert not cleo.groups.filter(name=roles.TREASURY).exists()


def test_a_wish_that_nobody_decided_in_a_day_gives_nothing(ann, adam, bob, client):
    client.force_login(ann)
    change(client, bob, roles.TREASURY)
    wish = StaffWish.objects.get()
    StaffWish.objects.filter(pk=wish.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ApiError, match="too late"):
        wishes.approve(wish.pk, By(adam, "now"))
    assert held(bob) == (set(), False)


def test_where_one_person_may_decide_it_happens_at_once_and_stays_visible(ann, bob, client, settings):
    settings.STAFF_ONE_PERSON = True
    client.force_login(ann)
    change(client, bob, roles.SUPPORT)
    assert held(bob) == ({roles.SUPPORT}, True)
    assert AuditEntry.objects.filter(action="role.give.alone").exists()
