"""Deposits and withdrawals over the API, to the field, with a key that may withdraw and with others."""

import asyncio
from functools import partial

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from asgiref.sync import sync_to_async
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from accounts.models import Account, ApiKey, Balance
from accounts.tests.posting import post
from accounts.tests.wallet.rig import OUTSIDE, SECRET, code
from accounts.wallet import deposits
from accounts.wallet.drainer import drain
from accounts.wallet.models import AssetNetwork, Withdrawal, WithdrawalAddress
from accounts.wallet.simulated.network import Network
from exchange_site.tests.api_rig import assert_refused
from marketdata.models import Asset

WITHDRAWALS = "/wapi/v1/capital/withdrawals"
DEPOSITS = "/wapi/v1/capital/deposits"
ADDRESS = "/wapi/v1/capital/deposit/address"
SOL = 10**9


@pytest.fixture
def network(market, alice, bob):
    cache.clear()
    network = AssetNetwork.objects.create(
        asset=Asset.objects.get(symbol="SOL"),
        blockchain="Solana",
        confirmations=2,
        minimum_withdrawal_units=SOL // 50,
        withdrawal_fee_units=SOL // 100,
    )
    for trader in (alice, bob):
        Balance.objects.create(account=trader.account, asset=network.asset, available_units=10**13, locked_units=0)
    ApiKey.objects.filter(pk=alice.key.pk).update(can_withdraw=True)
    TOTP.activate(alice.user, SECRET)
    return network


@pytest.fixture
def trusted(network, alice):
    return WithdrawalAddress.objects.create(
        account=alice.account, blockchain="Solana", address=OUTSIDE, usable_from=timezone.now(), for_keys=True
    )


def body(**changes):
    return {"address": OUTSIDE, "blockchain": "Solana", "quantity": "1.5", "symbol": "SOL", **changes}


async def test_a_withdrawal_to_the_field(site, engine, alice, trusted):
    answer = await alice.ask("POST", WITHDRAWALS, body(clientId="w-1"))
    assert answer.status_code == 200, answer.text
    row = answer.json()
    assert row.pop("id") > 0
    assert len(row.pop("createdAt")) == 23
    assert row == {
        "blockchain": "Solana", "clientId": "w-1", "identifier": None, "quantity": "1.5", "fee": "0.01",
        "symbol": "SOL", "status": "pending", "subaccountId": None, "toAddress": OUTSIDE, "transactionHash": None,
        "isInternal": False, "providerId": None, "fiatFee": None, "fiatState": None, "fiatSymbol": None,
        "bankName": None, "bankIdentifier": None, "accountIdentifier": None, "triggerAt": None,
    }  # fmt: skip
    [listed] = (await alice.ask("GET", WITHDRAWALS)).json()
    assert listed | {"id": 0} == answer.json() | {"id": 0}
    assert engine.engine.venue.balances.assets["SOL"].rows[alice.account.pk].locked == 15 * SOL // 10
    again = await alice.ask("POST", WITHDRAWALS, body(clientId="w-1"))
    assert again.json() == answer.json()


@pytest.mark.parametrize(
    ("change", "status", "code_"),
    [
        ({"quantity": "100000"}, 400, "INSUFFICIENT_FUNDS"),
        ({"quantity": "100000", "address": "x", "blockchain": "Nowhere"}, 400, "INSUFFICIENT_FUNDS"),
        ({"symbol": "DOGE"}, 400, "INVALID_ASSET"),
        ({"symbol": "\0"}, 400, "INVALID_ASSET"),
        ({"symbol": None}, 400, "INVALID_CLIENT_REQUEST"),
        ({"symbol": ["SOL"]}, 400, "INVALID_CLIENT_REQUEST"),
        ({"blockchain": "Nowhere"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": "0.019"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": "NaN"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": "1_0"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"quantity": True}, 400, "INVALID_CLIENT_REQUEST"),
        ({"address": "elsewhere"}, 400, "INVALID_CLIENT_REQUEST"),
        ({"clientId": "x" * 256}, 400, "INVALID_CLIENT_REQUEST"),
        ({"address": "NEW"}, 400, "INVALID_TWO_FACTOR_CODE"),
        ({"address": "NEW", "twoFactorToken": "000000"}, 400, "INVALID_TWO_FACTOR_CODE"),
    ],
)
async def test_what_is_refused(site, alice, trusted, change, status, code_):
    if change.get("address") == "NEW":
        change = change | {"address": await db(new_address)}
    assert_refused(await alice.ask("POST", WITHDRAWALS, body(**change)), status, code_)
    assert (await alice.ask("GET", WITHDRAWALS)).json() == []


def db(work, *args):
    """In a thread that takes its connection along."""

    def closing():
        try:
            return work(*args)
        finally:
            connection.close()

    return sync_to_async(closing, thread_sensitive=True)()


def new_address():
    from accounts.wallet.simulated.addresses import make_address

    return make_address("Solana", "somewhere new")


async def test_a_json_number_keeps_its_digits(site, alice, trusted):
    raw = b'{"address":"%s","blockchain":"Solana","quantity":0.10,"symbol":"SOL"}' % OUTSIDE.encode()
    assert (await alice.ask("POST", WITHDRAWALS, raw)).json()["quantity"] == "0.1"


async def test_s13_a_key_without_the_permission_cannot_withdraw(site, bob, network):
    assert_refused(await bob.ask("POST", WITHDRAWALS, body()), 403, "FORBIDDEN")


async def test_with_a_code_to_a_new_address_it_waits(site, alice, network):
    answer = await alice.ask("POST", WITHDRAWALS, body(twoFactorToken=code()))
    assert answer.json()["status"] == "pending"
    row = await db(Withdrawal.objects.get)
    assert row.needs_mail
    assert row.not_before > timezone.now()


async def test_g20_fifty_requests_at_once_reserve_one_balance_once(site, engine, alice, trusted):
    everything = str(10**13 // SOL)
    alice.window_ms = "60000"
    asked = [alice.ask("POST", WITHDRAWALS, body(quantity=everything, clientId=f"c{n}")) for n in range(50)]
    answers = await asyncio.gather(*asked)
    codes = [answer.json().get("code", answer.status_code) for answer in answers]
    assert codes.count(200) == 1, codes
    assert set(codes) <= {200, "INSUFFICIENT_FUNDS", "TOO_MANY_REQUESTS", "MAINTENANCE"}
    assert engine.engine.venue.balances.assets["SOL"].rows[alice.account.pk].locked == 10**13


async def test_a_deposit_address_is_ones_own_and_stable(site, alice, bob, network):
    ask = partial(alice.ask, "GET", ADDRESS, query={"blockchain": "Solana"})
    mine = (await ask()).json()
    assert list(mine) == ["address"]
    assert (await ask()).json() == mine
    assert (await bob.ask("GET", ADDRESS, query={"blockchain": "Solana"})).json() != mine
    assert_refused(await alice.ask("GET", ADDRESS, query={"blockchain": "Nowhere"}), 400, "INVALID_CLIENT_REQUEST")
    assert_refused(await alice.ask("GET", ADDRESS), 400, "INVALID_CLIENT_REQUEST")


def deposit_one(account: Account) -> str:
    address = deposits.address_of(account, "Solana").address
    sent = Network("Solana").send(address, "SOL", 3 * SOL)
    Network("Solana").mine(2)
    deposits.scan("Solana")
    drain()
    return str(sent.pk)


def credit_by_hand(account: Account) -> None:
    for seq in (5, 6):
        post(
            id=seq * 8, seq=seq, at=timezone.now(), kind="credit", account=account,
            asset=Asset.objects.get(symbol="SOL"), units=SOL, reference=f"gift {seq}",
        )  # fmt: skip


async def test_deposits_of_chains_and_of_the_operator_to_the_field(site, engine, alice, network):
    await db(credit_by_hand, alice.account)
    transaction_hash = await db(deposit_one, alice.account)
    newest, second, first = (await alice.ask("GET", DEPOSITS)).json()
    address = (await alice.ask("GET", ADDRESS, query={"blockchain": "Solana"})).json()["address"]
    assert newest.pop("id") % 2 == 0
    assert newest.pop("createdAt")
    assert newest == {
        "toAddress": address, "fromAddress": None, "source": "solana", "status": "confirmed",
        "transactionHash": transaction_hash, "symbol": "SOL", "quantity": "3", "fiatAmount": None,
        "fiatCurrency": None, "institutionBic": None, "platformMemo": None,
    }  # fmt: skip
    assert [(row["id"], row["source"]) for row in (first, second)] == [(1, "administrator"), (3, "administrator")]
    [only] = (await alice.ask("GET", DEPOSITS, query={"excludePlatform": "true"})).json()
    assert only["source"] == "solana"
    [page] = (await alice.ask("GET", DEPOSITS, query={"limit": "1", "offset": "1"})).json()
    assert page["id"] == 3
    assert (await alice.ask("GET", DEPOSITS, query={"from": "99999999999999"})).json() == []


async def test_nobody_sees_others_withdrawals(site, alice, bob, trusted):
    number = (await alice.ask("POST", WITHDRAWALS, body())).json()["id"]
    assert (await bob.ask("GET", WITHDRAWALS, query={"id": str(number)})).json() == []
    assert len((await alice.ask("GET", WITHDRAWALS, query={"id": str(number)})).json()) == 1
    assert (await alice.ask("GET", WITHDRAWALS, query={"clientId": "no"})).json() == []


async def test_assets_say_the_rules_of_their_chains(site, alice, network):
    [token] = next(row for row in (await alice.ask("GET", "/api/v1/assets")).json() if row["symbol"] == "SOL")["tokens"]
    assert (token["minimumWithdrawal"], token["withdrawalFee"]) == ("0.02", "0.01")
