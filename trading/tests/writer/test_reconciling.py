"""The whole comparison, with a wallet: what is corrupted by hand is named, and money stops until a person lifts it."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F

from accounts.ledger import opening
from accounts.ledger.models import Reconciliation, WalletEntry
from accounts.models import Account, User
from accounts.tests.unguarded import unguarded
from accounts.wallet import alarms, book, deposits, outbox
from accounts.wallet.demo import bring_coins
from accounts.wallet.drainer import drain
from accounts.wallet.models import AssetNetwork, WalletAlarm, Withdrawal
from accounts.wallet.simulated.models import SimulatedOutput
from accounts.wallet.simulated.network import Network
from exchange_site.tests.api_rig import forget_caches
from marketdata.models import Asset
from matching import messages as m
from matching.client.dump import describe
from matching.tests.flows import random_commands
from trading import reconcile as comparing
from trading.ledger import reconciling
from trading.models import Checkpoint, VenueSwitch
from trading.tests.writer.damage import CHAIN, damage_balance

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


@pytest.fixture
def venue(published, writers, monkeypatch, settings):
    """A real core with a wallet before it: coins for everything, one deposit credited, one withdrawal reserved."""
    settings.WALLET_CHAINS = {CHAIN: "simulated"}
    monkeypatch.setattr(reconciling, "PAUSE_S", 0)

    def send(command, timeout_s=5):
        published.run([command])
        writers.run(published.engine.n)
        return published.answers[0]

    def dump(n):
        assert n == published.engine.n
        return describe(published.engine, published.chain)

    monkeypatch.setattr("matching.client.blocking.send", send)
    monkeypatch.setattr("matching.client.blocking.send_many", lambda commands, timeout_s=5: [send(c) for c in commands])
    monkeypatch.setattr(comparing, "engine_dump", dump)
    published.run(random_commands(3, 500))
    writers.run(published.engine.n)
    for asset in Asset.objects.all():
        AssetNetwork.objects.create(asset=asset, blockchain=CHAIN, confirmations=1)
        funded = published.engine.balances.assets[asset.symbol].funded_units
        bring_coins(asset, funded, f"treasury {asset.symbol}", cold=asset.symbol == "BTC")
    account = Account.objects.get(pk=1001)
    Network(CHAIN).send(deposits.address_of(account, CHAIN).address, "SOL", 1_000)
    Network(CHAIN).mine()
    deposits.scan(CHAIN)
    drain()
    reserve(account, 300)
    return published


def reserve(account: Account, units: int) -> Withdrawal:
    from django.utils import timezone

    network = AssetNetwork.objects.get(asset__symbol="SOL")
    row = Withdrawal.objects.create(
        account=account, network=network, units=units, fee_units=10, address="x", not_before=timezone.now()
    )
    outbox.reserve(row)
    drain()
    row.refresh_from_db()
    assert row.state == "reserved"
    return row


def look(**how) -> Reconciliation:
    row = reconciling.run(full=True, stop=True, **how)
    assert row is not None
    assert row.error == ""
    return row


def found(row: Reconciliation) -> str:
    return "\n".join(row.differences)


def test_everything_equal_is_proof_and_stops_nothing(venue):
    row = look()
    assert (row.equal, row.differences) == (True, [])
    assert row.n == venue.engine.n
    places = {place["symbol"]: place for place in row.holdings}
    assert places["SOL"]["hot"] == places["SOL"]["hot_on_chain"] == places["SOL"]["stands_for"]
    assert places["BTC"]["cold"] == places["BTC"]["cold_on_chain"] > 0
    assert alarms.stopped_by() is None
    assert reconciling.proven_seq() == row.seq > 0
    assert reconciling.run(full=False, stop=True).equal


def test_a_database_that_was_made_anew_is_compared_from_its_beginning(venue):
    row = look()
    Checkpoint.objects.update(seq=row.seq - 1)
    assert reconciling.proven_seq() == 0
    Checkpoint.objects.update(seq=row.seq)
    assert reconciling.proven_seq() == row.seq


def test_everybody_sees_what_was_held_and_owed_when_it_was_last_proven(venue, client):
    assert client.get("/api/v1/reserves").json() == {"outcome": None, "timestamp": None, "assets": []}
    row = look()
    answer = client.get("/api/v1/reserves").json()
    assert answer["outcome"] == str(row.n)
    assert [line["symbol"] for line in answer["assets"]] == sorted(place["symbol"] for place in row.holdings)
    for line in answer["assets"]:
        spec = Asset.objects.get(symbol=line["symbol"]).spec()
        funded = venue.engine.balances.assets[line["symbol"]].funded_units
        assert (line["owed"], line["difference"]) == (spec.format(funded), "0")
        assert line["held"] == line["owed"]  # Nothing is on its way.
    with unguarded():
        damage_balance()
    assert look().equal is False
    assert client.get("/api/v1/reserves").json() == answer  # What was proven; staff is told of the rest.


def test_an_account_sees_what_the_wallet_booked_for_it(venue, client):
    def entries():
        forget_caches()
        return client.get("/wapi/v1/history/wallet")

    assert entries().status_code == 401
    people = {number: User.objects.create_user(f"person{number}@example.org", "correct horse") for number in (1, 2)}
    for number, user in people.items():
        Account.objects.filter(pk=1000 + number).update(user=user)
    backend = "allauth.account.auth_backends.AuthenticationBackend"
    client.force_login(people[1], backend=backend)
    rows = entries().json()
    assert [(row["kind"], row["from"], row["to"], row["quantity"]) for row in rows] == [
        ("reserved", "locked", "pending", Asset.objects.get(symbol="SOL").spec().format(300)),
        ("credited", "books", "deposits", Asset.objects.get(symbol="SOL").spec().format(1_000)),
        ("seen", "deposits", "hot", Asset.objects.get(symbol="SOL").spec().format(1_000)),
    ]
    assert client.get(f"/wapi/v1/history/wallet?before={rows[0]['id']}").json() == rows[1:]
    assert client.get("/wapi/v1/history/wallet?symbol=BTC").json() == []
    client.force_login(people[2], backend=backend)
    assert entries().json() == []


def test_while_one_compares_another_does_not(venue):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    from django.db import connections

    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            from zlib import crc32

            from accounts.wallet.locks import CLASS

            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [CLASS, crc32(reconciling.LOCK.encode()) - 2**31])
        assert reconciling.run(full=True, stop=True) is None
    finally:
        other.close()


def test_more_differences_than_can_be_named_are_not_equality(venue, monkeypatch):
    """Each look names others, so none is known to have stayed: that is no proof that nothing is wrong."""
    looks = iter(range(reconciling.LOOKS))

    def shifting(since_seq):
        first = next(looks) * 1_000
        report = comparing.Report(venue.engine.n)
        for number in range(first, first + comparing.MAX_NAMED + 5):
            report.differ(f"account {number} SOL: wrong")
        return reconciling.Look(report, [*report.differences])

    monkeypatch.setattr(reconciling, "_look", shifting)
    row = look()
    assert (row.equal, row.difference_count) == (False, 5)
    assert alarms.stopped_by() is not None


def test_a_missing_coin_is_named_a_surplus_stops_nothing(venue):
    Network(CHAIN).send(deposits.chain_of(CHAIN).cold_address(), "SOL", 5)
    Network(CHAIN).mine()
    row = look()
    assert row.equal is True
    assert "a surplus" in found(row)
    assert alarms.stopped_by() is None
    WalletEntry.objects.create(
        key="by hand", kind="treasury", payer="books", payee="cold", units=6, blockchain=CHAIN,
        asset=Asset.objects.get(symbol="SOL"),
    )  # fmt: skip
    row = look()
    assert f"SOL cold wallet on {CHAIN}: the chain has 5, the ledger 6" in found(row)


def test_money_from_nowhere_is_named(venue, writers):
    venue.run([m.FundHouse(asset="SOL", units=11, reference="nothing", actor="x", reason="x")])
    writers.run(venue.engine.n)
    row = look()
    assert "SOL owed: the engine has" in found(row)


def test_trading_stops_on_request_and_a_person_lets_the_wallet_go_on(venue, capsys):
    with unguarded():
        damage_balance()
    with pytest.raises(CommandError, match="differences"):
        call_command("reconcile", "--stop-trading")
    assert VenueSwitch.objects.get(name="kill").value == 1
    assert Reconciliation.objects.latest().stopped_trading
    eve = User.objects.create_superuser("eve@example.org", "correct horse battery")
    alarms.resolve(WalletAlarm.objects.get(), by=eve, reason="the row was repaired")
    assert alarms.stopped_by() is None


def test_the_monitor_says_what_is_held_and_owed_and_since_when(venue, client):
    client.force_login(User.objects.create_superuser("eve@example.org", "correct horse battery"))
    url = "/admin/accounts/reconciliation/"
    assert "Not proven yet" in client.get(url).content.decode()
    row = look()
    page = client.get(url).content.decode()
    assert f"equal at outcome {row.n}" in page
    assert "missing" not in page.partition("Difference")[2].partition("Comparisons")[0]
    assert client.get(f"{url}{row.pk}/change/").status_code == 200
    assert client.get("/admin/accounts/walletentry/").status_code == 200
    with unguarded():
        damage_balance()
    look()
    assert "The wallet is stopped" in client.get(url).content.decode()


def test_an_installation_from_before_the_entries_is_equal_after_the_opening_and_no_coin_is_made_up(venue, settings):
    assert look().equal
    figures = {name: units for name, units in book.balances().items() if units}
    with unguarded():
        WalletEntry.objects.all().delete()
    before = reconciling.look_until_it_stays(0)
    assert "SOL owed: the engine has" in "\n".join(before.differences)
    with unguarded():
        WalletEntry.objects.all().delete()  # What that look at the chain has seen anew.
    with connection.cursor() as cursor:
        for statement, parameters in opening.statements(settings.WALLET_CHAINS):
            cursor.execute(statement, parameters)
    assert {name: units for name, units in book.balances().items() if units} == figures
    row = look()
    assert (row.equal, row.differences) == (True, [])
    assert WalletEntry.objects.filter(reason=opening.REASON).count() == WalletEntry.objects.count() > 0


def test_a_coin_that_was_missing_before_the_entries_is_named_after_the_opening(venue, settings):
    """The house has three more than coins were ever brought for."""
    with unguarded():
        WalletEntry.objects.all().delete()
        SimulatedOutput.objects.filter(asset="USDC", memo=deposits.TREASURY_MEMO).update(units=F("units") - 3)
    with connection.cursor() as cursor:
        for statement, parameters in opening.statements(settings.WALLET_CHAINS):
            cursor.execute(statement, parameters)
    row = look()
    assert row.equal is False
    owed = venue.engine.balances.assets["USDC"].funded_units
    assert f"USDC owed: the engine has {owed}, the wallet's ledger has coins for {owed - 3}" in found(row)
    assert alarms.stopped_by() is not None
