"""Which role may see and do what in the admin: every view and action of every table, walked from the registry.

A table or an action that is not in MATRIX fails the test, so nothing new is open to anybody by accident.
"""

import pytest
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import PermissionDenied
from django.db import InternalError, transaction
from django.http import Http404
from django.test import RequestFactory
from django.urls import resolve, reverse

from accounts.models import User
from exchange_site.ops import roles

LETTERS = {
    "s": roles.SUPPORT,
    "m": roles.MARKET_OPERATIONS,
    "t": roles.TREASURY,
    "c": roles.SECURITY,
    "a": roles.ADMINISTRATOR,
    "u": roles.AUDITOR,
}
ALL, NOT_SUPPORT, NEWS = "smtcau", "mtcau", "ma"

# Letters of the roles that may: view (list, one row, history, export), add, change, delete, and each action.
MATRIX: dict[str, dict[str, str]] = {
    "accounts.account": {
        "view": ALL, "change": "mc", "block": "mc", "unblock": "mc", "cancel_all": "mc", "set_tier": "mc",
        "export": ALL,
    },
    "accounts.apikey": {"view": ALL, "export": ALL, "revoke": "c"},
    "accounts.assetnetwork": {"view": "tcau", "add": "t", "change": "t"},
    "accounts.auditentry": {"view": "cau", "export": "cu"},
    "accounts.deposit": {"view": "stcau", "export": "stcau", "assign": "t"},
    "accounts.depositaddress": {"view": "stcau", "export": "stcau"},
    "accounts.ledgerentry": {"view": ALL, "export": ALL},
    "accounts.ledgerposting": {"view": ALL, "export": ALL},
    "accounts.outboxcommand": {"view": "tcau", "export": "tcau"},
    "accounts.ratetier": {"view": ALL, "add": "a", "change": "a", "delete": "a"},
    "accounts.reconciliation": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "accounts.secondfactorreset": {"view": ALL, "export": ALL, "stop": "sc"},
    "accounts.user": {
        "view": ALL, "change": "ca", "look_as": "sc", "reset_factor": "sc", "freeze": "ca", "unfreeze": "ca",
        "end_sessions": "ca",
    },
    "accounts.walletalarm": {"view": "tcau", "export": "tcau", "resolve": "t"},
    "accounts.walletentry": {"view": "tcau", "export": "tcau"},
    "accounts.withdrawal": {"view": "stcau", "export": "stcau", "approve": "t", "reject": "t"},
    "accounts.withdrawaladdress": {"view": "stcau", "export": "stcau"},
    "accounts.withdrawalfreeze": {"view": "stcau", "export": "stcau"},
    "exchange_site.announcement": {"view": NOT_SUPPORT, "add": NEWS, "change": NEWS, "delete": NEWS},
    "exchange_site.incident": {"view": NOT_SUPPORT, "add": NEWS, "change": NEWS, "delete": NEWS},
    "exchange_site.jobrun": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "exchange_site.latencysample": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "marketdata.asset": {"view": ALL, "add": "m", "change": "m"},
    "marketdata.market": {
        "view": ALL, "add": "m", "change": "m", "halt": "m", "resume": "m", "post_only": "m", "limit_only": "m",
        "auction": "m", "close": "m", "limits": "m", "change_fees": "m", "list_again": "m",
    },
    "marketdata.staffwish": {"view": ALL, "export": ALL, "approve": "mca", "reject": ALL},
    "marketdata.trade": {"view": ALL, "export": ALL},
    "trading.checkpoint": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "trading.fill": {"view": ALL, "export": ALL},
    "trading.liabilityproof": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "trading.order": {"view": ALL, "export": ALL},
    "trading.takeout": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "trading.volumetier": {"view": NOT_SUPPORT, "add": "m", "change": "m", "delete": "m"},
    "trading.tierrun": {"view": NOT_SUPPORT, "export": NOT_SUPPORT},
    "trading.venueswitch": {"view": NOT_SUPPORT, "export": NOT_SUPPORT, "stop": "mc", "release": "mc"},
}  # fmt: skip
VENUE_PAGES = {"trading.venueswitch": {"stop": "trading_venue_stop", "release": "trading_venue_release"}}
MISSING = "4242424242"
NO_DELETE_ACTION = "delete_selected"


@pytest.fixture(scope="module")
def users(django_db_setup, django_db_blocker):
    """One member of staff of each role; not saved again for each question."""
    with django_db_blocker.unblock(), transaction.atomic():
        roles.sync()
        people = {}
        for letter, role in LETTERS.items():
            user = User.objects.create(email=f"{letter}@example.org", is_staff=True)
            user.groups.add(Group.objects.get(name=role))
            user.get_all_permissions()  # Kept on the object: no further question to the database.
            people[letter] = user
        yield people
        transaction.set_rollback(True)


def label(model):
    return model._meta.label_lower


def names_of(actions):
    for one in actions or ():
        if isinstance(one, dict):
            yield from names_of(one["items"])
        else:
            yield one if isinstance(one, str) else one.__name__


def detail_actions(model_admin):
    for kind in ("actions_detail", "actions_row"):
        yield from names_of(getattr(model_admin, kind, None))


def bulk_actions(model_admin):
    yield from (name for name in names_of(model_admin.actions) if name != NO_DELETE_ACTION)


def rows_of(model, model_admin):
    """Everything that can be asked of one table: name, and how to try it."""
    prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}"
    yield "view", reverse(f"{prefix}_changelist")
    yield "add", reverse(f"{prefix}_add")
    yield "delete", reverse(f"{prefix}_delete", args=[MISSING])
    own = {pattern.name for pattern in model_admin.get_urls()}
    if f"{model._meta.app_label}_{model._meta.model_name}_export" in own:
        yield "export", reverse(f"{prefix}_export")
    for name in detail_actions(model_admin):
        yield name, reverse(f"{prefix}_{name}", args=[MISSING])
    for name, page in VENUE_PAGES.get(label(model), {}).items():
        yield name, reverse(f"admin:{page}")


def gets_in(url, user, method="get"):
    """The view itself, without middleware and without drawing the page."""
    request = getattr(RequestFactory(), method)(url)
    request.user = user
    request.session = {}
    request._messages = FallbackStorage(request)
    request._dont_enforce_csrf_checks = True
    match = resolve(url)
    try:
        with transaction.atomic():  # A page that breaks must not break the questions after it.
            response = match.func(request, *match.args, **match.kwargs)
    except PermissionDenied:
        return False
    except (Http404, InternalError):
        return True  # Allowed; there is no such row, or the page wants a transaction of its own.
    assert response.status_code in (200, 302), (url, response.status_code)
    return not (response.status_code == 302 and "/login" in response["Location"])


def ours():
    return sorted(admin.site._registry.items(), key=lambda item: label(item[0]))


@pytest.mark.parametrize(("model", "model_admin"), ours(), ids=[label(model) for model, _ in ours()])
def test_each_role_sees_and_does_what_the_matrix_says(users, model, model_admin, django_db_blocker):
    expected = MATRIX.get(label(model))
    assert expected is not None, f"{label(model)} is new in the admin: say in MATRIX who may see and do what"
    found: dict[str, str] = {}
    with django_db_blocker.unblock():
        for name, url in rows_of(model, model_admin):
            found[name] = "".join(letter for letter, user in users.items() if gets_in(url, user))
            assert not gets_in(url, User(email="trader@example.org")), f"a trader gets to {url}"
            assert not gets_in(url, AnonymousUser()), f"a stranger gets to {url}"
        for letter, user in users.items():
            request = RequestFactory().get("/")
            request.user = user
            if model_admin.has_change_permission(request):
                found["change"] = found.get("change", "") + letter
            for name in set(bulk_actions(model_admin)):
                found.setdefault(name, "")
                if name in model_admin.get_actions(request):
                    found[name] += letter
    wanted = {name: set(letters) for name, letters in expected.items()}
    assert {name: set(letters) for name, letters in found.items() if letters} == wanted


def test_the_matrix_names_no_table_that_is_gone():
    assert set(MATRIX) == {label(model) for model, _ in ours()}


def test_who_gives_out_roles_does_not_decide_about_money():
    for role, rights in roles.ROLES.items():
        assert not {"exchange_site.assign_roles", "accounts.approve_withdrawal"} <= rights, role
    changes = {right for right in roles.ROLES[roles.SUPPORT] if not right.split(".")[1].startswith("view_")}
    assert changes == {"accounts.ask_factor_reset"}, "which somebody else has to approve"
