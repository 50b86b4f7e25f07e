"""The menu of the admin: every table once, and for each role what it may see."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import RequestFactory

from accounts.models import User
from exchange_site.ops import navigation, roles


def titles(user):
    request = RequestFactory().get("/admin/")
    request.user = user
    return {item["title"] for group in navigation.groups(request) for item in group["items"]}


def test_every_table_of_the_admin_is_in_the_menu_once():
    named = [label for entries in navigation.MENU.values() for label in entries]
    assert sorted(named) == sorted(model._meta.label_lower for model in admin.site._registry)


@pytest.mark.parametrize(
    ("role", "sees", "sees_not"),
    [
        (roles.SUPPORT, {"Users", "Orders", "Withdrawals"}, {"Audit log", "Jobs", "Venue and kill switch"}),
        (roles.MARKET_OPERATIONS, {"Venue and kill switch", "Approvals"}, {"Withdrawals", "Audit log"}),
        (roles.AUDITOR, {"Audit log", "Ledger of an account", "Jobs"}, set()),
    ],
)
def test_a_role_sees_what_it_may_open(db, role, sees, sees_not):
    roles.sync()
    user = User.objects.create(email="somebody@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    assert sees <= titles(user)
    assert not sees_not & titles(user)


def test_without_a_role_the_menu_is_empty_and_says_so(client, db):
    user = User.objects.create(email="newcomer@example.org", is_staff=True)
    client.force_login(user)
    assert titles(user) == {"Overview"}
    assert "You have no role yet" in client.get("/admin/").content.decode()


@pytest.mark.parametrize("role", [roles.SUPPORT, roles.MARKET_OPERATIONS, roles.TREASURY, roles.AUDITOR])
def test_a_tile_leads_nowhere_that_is_refused(client, db, log, role):
    roles.sync()
    user = User.objects.create(email="somebody@example.org", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client.force_login(user)
    tiles = client.get("/admin/live").content.decode()
    links = re.findall(r'href="([^"]+)"', tiles)
    assert links
    for link in links:
        assert client.get(link).status_code == 200, link
