"""A lost second factor: asked for, approved by another, announced, waited for. And everything that stops it."""

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts.audit.models import AuditEntry
from accounts.factor_reset import resets
from accounts.factor_reset.models import SecondFactorReset
from accounts.models import User
from accounts.services import create_user
from accounts.wallet.models import WithdrawalFreeze
from exchange_site.kernel.errors import ApiError
from exchange_site.ops import roles
from marketdata import wishes
from marketdata.models import StaffWish
from marketdata.staff_acts import By

PASSWORD = "correct horse battery"
State = SecondFactorReset.State


@pytest.fixture(autouse=True)
def two_people(db, settings):
    settings.STAFF_ONE_PERSON = False
    roles.sync()


def staff(role):
    user = create_user(f"{role.replace(' ', '.')}@example.org", PASSWORD)
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=role))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def sue():
    return staff(roles.SUPPORT)


@pytest.fixture
def carl():
    return staff(roles.SECURITY)


@pytest.fixture
def alice():
    user = create_user("alice@example.org", PASSWORD)
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    return user


def approved(alice, sue, carl):
    wish = resets.ask(alice, By(sue, "passport compared on a call"))
    wishes.approve(wish.pk, By(carl, "recording heard"))
    return SecondFactorReset.objects.get(user=alice)


def has_factor(user):
    return Authenticator.objects.filter(user=user).exists()


def later(reset):
    """Its time has come."""
    SecondFactorReset.objects.filter(pk=reset.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def link_in(mail):
    return re.search(r"https?://[^/]+(/\S+)", mail.body)[1]


def test_asked_for_by_support_and_approved_by_security_it_waits_a_day(alice, sue, carl, mailoutbox):
    wish = resets.ask(alice, By(sue, "passport compared on a call"))
    assert wish.state == StaffWish.State.PENDING
    assert not SecondFactorReset.objects.exists(), "one person is not enough"
    wishes.approve(wish.pk, By(carl, "recording heard"))
    assert resets.advance() == 0
    reset = SecondFactorReset.objects.get()
    assert (reset.asked_by, reset.approved_by, reset.state) == (sue, carl, State.WAITING)
    assert reset.due_at - reset.mailed_at == timedelta(hours=24)
    [mail] = mailoutbox
    assert mail.to == [alice.email]
    assert "24 hours" in mail.body
    assert has_factor(alice)


def test_after_its_time_the_factor_and_every_session_are_gone_and_withdrawals_frozen(sue, carl, client, mailoutbox):
    alice = create_user("alice@example.org", PASSWORD)
    client.post(reverse("account_login"), {"login": alice.email, "password": PASSWORD})
    assert client.get(reverse("security")).status_code == 200
    TOTP.activate(alice, generate_totp_secret())
    RecoveryCodes.activate(alice)
    reset = approved(alice, sue, carl)
    resets.advance()
    later(reset)
    assert resets.advance() == 1
    assert resets.advance() == 0, "once"
    assert not has_factor(alice)
    assert not UserSession.objects.filter(user=alice).exists()
    assert client.get(reverse("security")).status_code == 302
    assert WithdrawalFreeze.objects.filter(account__user=alice, until__gt=timezone.now()).exists()
    assert "was taken away" in mailoutbox[-1].subject
    row = AuditEntry.objects.get(action="second_factor.reset.done")
    assert (row.actor, row.subject, row.details["approver"]) == (sue, alice.email, carl.email)
    assert row.details["taken"] == ["recovery_codes", "totp"]


def test_the_user_objects_with_the_link_without_logging_in(alice, sue, carl, client, mailoutbox):
    reset = approved(alice, sue, carl)
    resets.advance()
    link = link_in(mailoutbox[0])
    assert "No, my second factor stays" in client.get(link).content.decode()
    reset.refresh_from_db()
    assert reset.state == State.WAITING, "a program that opens links in mails has not objected"
    assert "Your second factor stays" in client.post(link).content.decode()
    later(reset)
    assert resets.advance() == 0
    assert has_factor(alice)
    reset.refresh_from_db()
    assert reset.state == State.OBJECTED
    row = AuditEntry.objects.get(action="second_factor.reset.object")
    assert (row.actor, row.ip_address) == (alice, "127.0.0.1")
    assert client.post(link).status_code == 409, "it is over"


def test_the_link_of_one_reset_opens_no_other(alice, sue, carl, client):
    reset = approved(alice, sue, carl)
    token = resets.token_of(reset)
    for pk, other in ((reset.pk, token[:-1]), (reset.pk + 1, token), (reset.pk, "x")):
        for method in (client.get, client.post):
            assert method(reverse("second_factor_reset", args=[pk, other])).status_code == 404
    reset.refresh_from_db()
    assert reset.state == State.WAITING


def test_too_late_to_object_is_said(alice, sue, carl, client, mailoutbox):
    reset = approved(alice, sue, carl)
    resets.advance()
    later(reset)
    resets.advance()
    answer = client.post(link_in(mailoutbox[0]))
    assert answer.status_code == 409
    assert "It is too late to object" in answer.content.decode()
    assert not has_factor(alice)


def test_staff_stops_it_alone(alice, sue, carl):
    reset = approved(alice, sue, carl)
    resets.stop(reset, By(sue, "the caller was not the owner"))
    resets.advance()
    later(reset)
    assert resets.advance() == 0
    assert has_factor(alice)
    with pytest.raises(ApiError):
        resets.stop(reset, By(sue, "again"))


def test_nobody_approves_their_own_wish_and_support_approves_none(alice, sue, carl):
    wish = resets.ask(alice, By(carl, "lost her phone"))
    with pytest.raises(ApiError, match="yourself"):
        wishes.approve(wish.pk, By(carl, "me again"))
    with pytest.raises(ApiError, match="may not"):
        wishes.approve(wish.pk, By(sue, "fine with me"))
    assert not SecondFactorReset.objects.exists()


def test_about_oneself_about_those_above_and_about_nothing_it_is_refused(alice, sue, carl):
    root = create_user("root@example.org", PASSWORD, staff=True)
    bob = create_user("bob@example.org", PASSWORD)
    for who in (carl, root):
        TOTP.activate(who, generate_totp_secret())
    for user, why in ((carl, "their own"), (root, "superuser"), (bob, "no second factor")):
        with pytest.raises(ApiError, match=why):
            resets.ask(user, By(carl, "x"))
    wish = resets.ask(carl, By(sue, "he lost his phone"))
    with pytest.raises(ApiError, match="your own"):
        wishes.approve(wish.pk, By(carl, "I did"))
    approved(alice, sue, carl)
    with pytest.raises(ApiError, match="waits already"):
        resets.ask(alice, By(sue, "again"))


def test_an_expired_wish_resets_nothing(alice, sue, carl):
    wish = resets.ask(alice, By(sue, "x"))
    StaffWish.objects.filter(pk=wish.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ApiError, match="too late"):
        wishes.approve(wish.pk, By(carl, "x"))
    assert not SecondFactorReset.objects.exists()


def test_the_admin_from_the_users_page_to_the_approval(alice, sue, carl, client):
    client.force_login(sue)
    page = reverse("admin:accounts_user_reset_factor", args=[alice.pk])
    assert "takes two people" in client.get(page).content.decode()
    assert client.post(page, {"reason": "passport compared"}).status_code == 302
    wish = StaffWish.objects.get()
    approve = reverse("admin:marketdata_staffwish_approve", args=[wish.pk])
    client.post(approve, {"reason": "fine"})
    assert not SecondFactorReset.objects.exists()
    client.force_login(carl)
    client.post(approve, {"reason": "fine"})
    reset = SecondFactorReset.objects.get()
    shown = client.get(reverse("admin:accounts_secondfactorreset_changelist")).content.decode()
    assert alice.email in shown
    client.post(reverse("admin:accounts_secondfactorreset_stop", args=[reset.pk]), {"reason": "wrong person"})
    reset.refresh_from_db()
    assert reset.state == State.STOPPED
