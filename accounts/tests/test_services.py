"""Accounts, keys and the faucet, with the engine's answers made up."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import services
from accounts.models import Account, ApiKey, FaucetTry, User
from accounts.tests.posting import post
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from marketdata.models import Asset
from matching.client.errors import NotAdmitted, OutcomeUnknown
from matching.messages import Answer, Done, RefusalReason, Refused

pytestmark = pytest.mark.django_db
KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="


class FakeEngine:
    """Remembers what it was sent; fails on request."""

    def __init__(self):
        self.sent = []
        self.failure = None
        self.reply = Done()

    def send_many(self, commands, timeout_s):
        self.sent.append(commands)
        if self.failure:
            raise self.failure
        return [Answer(index, 100 + index, False, self.reply) for index, _ in enumerate(commands)]


@pytest.fixture
def engine(monkeypatch):
    engine = FakeEngine()
    monkeypatch.setattr("matching.client.blocking.send_many", engine.send_many)
    return engine


@pytest.fixture
def account():
    for symbol, decimals in (("USDC", 6), ("BTC", 8), ("OTHER", 6)):
        Asset.objects.create(symbol=symbol, name=symbol, decimals=decimals, blockchain="x")
    return services.create_user("alice@example.org", "correct horse battery").account


def test_a_user_has_an_account_and_a_confirmed_address(account):
    user = account.user
    assert user.emailaddress_set.get().verified
    assert services.ensure_account(user) == account
    assert account.pk > 1000
    assert Account.objects.get(kind="house").pk == 1


def test_an_older_database_gives_nobody_the_account_of_somebody_the_engine_knows():
    """Ids that count up would come back after a restore; drawn ones do not."""
    lost = services.create_user("lost@example.org", "correct horse battery").account.pk
    Account.objects.filter(pk=lost).delete()
    User.objects.get(email="lost@example.org").delete()
    newcomers = [services.create_user(f"new{i}@example.org", "correct horse battery").account.pk for i in range(3)]
    assert lost not in newcomers
    assert all(pk not in range(lost - 3, lost + 4) for pk in newcomers)


def test_signing_up_makes_an_account(client):
    from allauth.account.signals import user_signed_up

    user = User.objects.create_user("new@example.org")
    user_signed_up.send(sender=User, request=None, user=user)
    assert Account.objects.get(user=user).kind == Account.Kind.USER


def test_the_faucet_pays_once_in_24_hours(account, engine):
    assert services.credit_demo_funds(account) == 101
    [commands] = engine.sent
    assert {(c.asset, c.units) for c in commands} == {("USDC", 10_000_000_000), ("BTC", 10_000_000)}
    reference = commands[0].reference
    post(id=1, seq=1, at=timezone.now(), kind="credit", account=account, asset_id=1, units=1, reference=reference)
    with pytest.raises(ApiError) as refused:
        services.credit_demo_funds(account)
    assert refused.value.kind is errors.TOO_MANY_REQUESTS
    assert 86_000 < int(refused.value.headers["Retry-After"]) <= 86_400
    FaucetTry.objects.update(at=timezone.now() - timedelta(hours=25))
    services.credit_demo_funds(account)
    assert engine.sent[-1][0].reference != reference


def test_an_unknown_outcome_is_repeated_under_the_same_key(account, engine):
    engine.failure = OutcomeUnknown("silence")
    with pytest.raises(ApiError) as unknown:
        services.credit_demo_funds(account)
    assert unknown.value.extra == {"executed": "unknown"}
    engine.failure = None
    services.credit_demo_funds(account)
    first, second = engine.sent
    assert [c.idempotency_key for c in first] == [c.idempotency_key for c in second]


def test_g02_a_try_that_may_have_been_paid_is_not_forgotten_when_the_next_one_is_not_admitted(account, engine):
    """The first one may still wait in the queue of an engine that is away; a new reference would pay it twice."""
    engine.failure = OutcomeUnknown("silence")
    with pytest.raises(ApiError):
        services.credit_demo_funds(account)
    engine.failure = NotAdmitted("closed")
    with pytest.raises(ApiError):
        services.credit_demo_funds(account)
    engine.failure = None
    services.credit_demo_funds(account)
    assert len({commands[0].idempotency_key for commands in engine.sent}) == 1


def test_a_command_that_was_not_admitted_costs_nothing(account, engine):
    engine.failure = NotAdmitted("closed")
    with pytest.raises(ApiError) as refused:
        services.credit_demo_funds(account)
    assert refused.value.kind is errors.MAINTENANCE
    assert not FaucetTry.objects.exists()


def test_a_house_without_money_is_said_clearly(account, engine):
    engine.reply = Refused(reason=RefusalReason.HOUSE_FUNDS_TOO_SMALL)
    with pytest.raises(ApiError) as refused:
        services.credit_demo_funds(account)
    assert refused.value.kind is errors.INSUFFICIENT_FUNDS
    assert not FaucetTry.objects.exists()


def test_g02_a_payment_by_hand_names_its_reference_and_is_not_made_again(account, engine, monkeypatch, capsys):
    """The engine forgets a key after some minutes; what was paid stays in the ledger."""
    engine.failure = OutcomeUnknown("silence")
    with pytest.raises(CommandError, match=r"--reference fund:[0-9a-f]{32}") as failed:
        call_command("fund", "alice@example.org", "USDC", "5")
    reference = str(failed.value).rpartition(" ")[2].rstrip(")")
    monkeypatch.setattr(services, "engine_position", lambda: {"n": "7", "db_n": "7"})
    sent = len(engine.sent)
    usdc = Asset.objects.get(symbol="USDC")
    post(id=1, seq=1, at=timezone.now(), kind="credit", account=account, asset=usdc, units=1, reference=reference)
    call_command("fund", "alice@example.org", "USDC", "5", "--reference", reference)
    assert "already" in capsys.readouterr().out
    assert len(engine.sent) == sent


def test_there_is_no_faucet_outside_demo_mode(account, engine, settings):
    settings.DEMO_MODE = False
    with pytest.raises(ApiError) as refused:
        services.credit_demo_funds(account)
    assert refused.value.kind is errors.FORBIDDEN
    with pytest.raises(CommandError, match="demo mode"):
        call_command("fund", "alice@example.org", "USDC", "5")
    assert engine.sent == []


def test_create_user_command(capsys):
    call_command("create_user", "Bob@Example.org", "--password", "correct horse battery", "--staff")
    user = User.objects.get(email="bob@example.org")
    assert user.is_staff
    assert user.is_superuser
    assert user.check_password("correct horse battery")
    with pytest.raises(CommandError, match="already"):
        call_command("create_user", "bob@example.org", "--password", "correct horse battery")
    with pytest.raises(CommandError, match="too short"):
        call_command("create_user", "c@example.org", "--password", "short")


def test_create_api_key_command(account):
    call_command("create_api_key", "alice@example.org", "--public-key", KEY, "--scopes", "read,trade", "--name", "bot")
    key = ApiKey.objects.get(public_key=KEY)
    assert (key.account, key.name) == (account, "bot")
    assert (key.can_read, key.can_trade, key.can_withdraw) == (True, True, False)
    with pytest.raises(CommandError, match="already"):
        call_command("create_api_key", "alice@example.org", "--public-key", KEY)
    with pytest.raises(CommandError, match="small order"):
        call_command("create_api_key", "alice@example.org", "--public-key", "A" * 43 + "=")
    with pytest.raises(CommandError, match="Scopes"):
        call_command("create_api_key", "alice@example.org", "--public-key", KEY, "--scopes", "all")


def test_expired_sessions_are_cleaned_up(client):
    from django.contrib.sessions.models import Session

    from accounts.tasks import clean_up

    Session.objects.create(session_key="old", session_data="x", expire_date=timezone.now() - timedelta(days=1))
    Session.objects.create(session_key="new", session_data="x", expire_date=timezone.now() + timedelta(days=1))
    clean_up()
    clean_up()
    assert list(Session.objects.values_list("session_key", flat=True)) == ["new"]
