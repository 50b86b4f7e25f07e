"""The wallet in the browser: deposit, second factor, withdrawal, mail, cancel; and what strangers see of it."""

import re

import pytest
from django.core import mail

from accounts.tests.wallet.rig import OUTSIDE, SOL, code
from accounts.wallet.models import Withdrawal


@pytest.fixture
def alice(rig, client):
    client.force_login(rig.alice.user)
    return client


@pytest.mark.parametrize(
    "path", ["/wallet", "/wallet/deposit", "/wallet/withdraw", "/wallet/addresses", "/wallet/simulated"]
)
def test_pages_are_for_their_owner_and_have_no_inline_code(rig, client, path):
    assert client.get(path)["Location"].startswith("/accounts/login/")
    client.force_login(rig.alice.user)
    answer = client.get(path)
    assert answer.status_code == 200
    text = answer.content.decode()
    assert " style=" not in text
    assert not re.search(r"<script(?![^>]* src=)", text)


def test_a_deposit_is_shown_while_it_grows(rig, alice):
    address = re.search(r'id="deposit-address">([^<]+)<', alice.get("/wallet/deposit").content.decode()).group(1)
    rig.chain.send(address, "SOL", 2 * SOL)
    rig.chain.mine()
    rig.scan()
    assert "1 of 3 confirmations" in alice.get("/wallet/deposit").content.decode()
    rig.chain.mine(2)
    rig.scan()
    assert "Credited" in alice.get("/wallet").content.decode()


def ask(client, **changes):
    form = {"asset": "SOL", "address": OUTSIDE, "quantity": "5", "code": code(), "form": "once", **changes}
    return client.post("/wallet/withdraw", form)


def test_a_withdrawal_by_page_and_mail(rig, alice):
    rig.book(rig.alice)
    row = Withdrawal.objects.get(pk=int(ask(alice)["Location"].rpartition("/")[2]))
    assert row.state == "reserved"
    again = ask(alice)
    assert again["Location"].endswith(f"/{row.pk}")
    page = alice.get(f"/wallet/withdrawals/{row.pk}").content.decode()
    assert "open the link in the mail" in page
    link = re.search(r"http://\S+(/wallet/withdrawals/\S+)", mail.outbox[0].body).group(1)
    shown = alice.get(link).content.decode()
    assert OUTSIDE in shown
    assert Withdrawal.objects.get().confirmed_at is None
    alice.post(link)
    assert Withdrawal.objects.get().state == "approved"


def test_a_link_is_no_use_to_others_nor_for_another_withdrawal(rig, alice, client):
    rig.book(rig.alice)
    number = int(ask(alice)["Location"].rpartition("/")[2])
    link = re.search(r"http://\S+(/wallet/withdrawals/\S+)", mail.outbox[0].body).group(1)
    assert alice.post(link.replace("/confirm/", "/confirm/x")).status_code == 302
    assert Withdrawal.objects.get().confirmed_at is None
    client.force_login(rig.bob.user)
    for path in (link, f"/wallet/withdrawals/{number}"):
        assert client.get(path).status_code == 404
    assert client.post(f"/wallet/withdrawals/{number}/cancel").status_code == 404
    assert Withdrawal.objects.get().state == "reserved"


def test_cancelling_by_page(rig, alice):
    rig.book(rig.alice)
    path = ask(alice)["Location"]
    alice.post(f"{path}/cancel")
    assert Withdrawal.objects.get().state == "released"
    assert rig.held(rig.alice)[1] == 0
    assert "Cancelled" in alice.get(path).content.decode()


def test_what_is_refused_is_said_and_what_was_typed_stays(rig, alice):
    text = ask(alice, quantity="999999999").content.decode()
    assert "Insufficient funds" in text
    assert 'value="999999999"' in text
    assert code() not in text
    assert "second factor is wrong" in ask(alice, code="000000").content.decode()
    assert not Withdrawal.objects.exists()


def test_without_a_second_factor_the_page_says_what_to_do(rig, client):
    client.force_login(rig.bob.user)
    assert "/accounts/2fa/totp/activate/" in client.get("/wallet/withdraw").content.decode()
    assert "second factor" in client.post("/wallet/withdraw", {"asset": "SOL", "quantity": "1", "address": OUTSIDE,
                                                               "code": "1"}).content.decode()  # fmt: skip
    assert not Withdrawal.objects.exists()


def test_the_address_book(rig, alice):
    new = {"blockchain": "Solana", "address": OUTSIDE, "label": "<b>cold</b>", "code": "000000"}
    alice.post("/wallet/addresses", new)
    assert not rig.alice.withdrawal_addresses.exists()
    alice.post("/wallet/addresses", {**new, "code": code()})
    entry = rig.alice.withdrawal_addresses.get()
    text = alice.get("/wallet/addresses").content.decode()
    assert "&lt;b&gt;cold" in text
    assert "24 hours" in text
    alice.post(f"/wallet/addresses/{entry.pk}/remove")
    assert rig.alice.withdrawal_addresses.get().removed_at


def test_the_simulated_chains_can_be_driven_in_a_demo_only(rig, alice, settings):
    drive = {"chain": "Solana", "do": "send", "asset": "SOL", "amount": "2", "address": "", "memo": ""}
    alice.post("/wallet/simulated", drive)
    alice.post("/wallet/simulated", {"chain": "Solana", "do": "mine", "number": "3"})
    rig.scan()
    assert rig.deposit().state == "credited"
    alice.post("/wallet/simulated", {"chain": "Solana", "do": "double"})
    alice.get("/wallet/simulated")
    rig.scan()
    assert rig.deposit().state == "reversed"
    for bad in ({"do": "mine", "number": "x"}, {"do": "reorganise", "number": "9999"}, {"do": "?"}, {"do": "send"}):
        assert alice.post("/wallet/simulated", {"chain": "Solana", **bad}).status_code in (302, 404)
    settings.DEMO_MODE = False
    assert alice.get("/wallet/simulated").status_code == 404
    assert alice.post("/wallet/simulated", drive).status_code == 404


def test_the_wallet_leads_to_the_proof_of_what_is_owed(rig, alice):
    page = alice.get("/wallet").content.decode()
    assert re.search(r'<a class="button" href="/proof">.*Verify my balance</a>', page)
