"""A thing is followed by links through the admin: order, fill, trade, ledger, account, and back."""

import html
import re

import pytest
from django.urls import reverse

from accounts.ledger.models import LedgerEntry
from accounts.models import LedgerPosting
from marketdata.models import Trade
from matching.messages import Side
from trading.models import Fill, Order


@pytest.fixture
def traded(venue, eve, client):
    """Two accounts have traded once; the page of the order that was hit."""
    venue.order(1001, Side.ASK, 100)
    venue.order(1002, Side.BID, 100)
    client.force_login(eve)
    return client


def links_of(client, model, pk):
    """Word to address of what the page of a row leads to."""
    page = client.get(reverse(f"admin:{model}_change", args=[pk]))
    assert page.status_code == 200
    found = re.findall(r'<a class="mr-4 underline" href="([^"]+)">([^<]+)</a>', page.content.decode())
    return {word: html.unescape(address) for address, word in found}


def rows_at(client, address):
    page = client.get(address)
    assert page.status_code == 200, address
    return {row.pk for row in page.context["cl"].result_list}


def test_from_an_order_to_everything_that_came_of_it_and_back(traded):
    trade = Trade.objects.get()
    fills = set(Fill.objects.values_list("pk", flat=True))
    assert len(fills) == 2
    order = Order.objects.get(pk=trade.maker_order_id)
    of_order = links_of(traded, "trading_order", order.pk)
    [fill] = rows_at(traded, of_order["Fills"])
    assert Fill.objects.get(pk=fill).order_id == order.pk
    lived = rows_at(traded, of_order["Ledger of its account while it lived"])
    assert {LedgerEntry.objects.get(pk=pk).seq for pk in lived} >= {trade.seq}
    assert rows_at(traded, of_order["Account"]) == {order.account_id}
    of_fill = links_of(traded, "trading_fill", fill)
    assert rows_at(traded, of_fill["Trade"]) == {trade.pk}
    assert rows_at(traded, of_fill["Both sides"]) == fills
    legs = LedgerEntry.objects.filter(pk__in=rows_at(traded, of_fill["Ledger of its account that second"]))
    assert {leg.account_id for leg in legs} == {order.account_id}
    assert {leg.kind for leg in legs.filter(seq=trade.seq)} >= {"trade"}
    assert rows_at(traded, of_fill["Order"]) == {order.pk}
    of_trade = links_of(traded, "marketdata_trade", trade.pk)
    assert rows_at(traded, of_trade["Both orders"]) == {trade.maker_order_id, trade.taker_order_id}
    assert rows_at(traded, of_trade["Both fills (their legs in the ledger)"]) == fills


def test_a_posting_leads_to_the_rest_of_its_event(traded):
    posting = LedgerPosting.objects.earliest("pk")
    of_posting = links_of(traded, "accounts_ledgerposting", posting.pk)
    same = set(LedgerPosting.objects.filter(seq=posting.seq).values_list("pk", flat=True))
    assert len(same) == 2, "both sides"
    assert rows_at(traded, of_posting["All of this event"]) == same


def test_the_ledger_shows_nothing_without_an_account(traded, alice):
    page = reverse("admin:accounts_ledgerentry_changelist")
    assert rows_at(traded, page) == set()
    assert rows_at(traded, f"{page}?q=x") == set()
    whole = set(LedgerEntry.objects.filter(account=alice).values_list("pk", flat=True))
    assert whole
    assert rows_at(traded, f"{page}?q={alice.pk}") == rows_at(traded, f"{page}?account={alice.pk}") == whole


def test_an_order_says_how_to_find_it_in_the_logs(traded):
    order = Order.objects.latest("pk")
    page = html.unescape(traded.get(reverse("admin:trading_order_change", args=[order.pk])).content.decode())
    assert f"""grep -h '"order_id":{order.pk}[,}}]' logs/*.log""" in page


def test_an_account_and_its_user_lead_to_what_is_theirs(traded, alice):
    of_account = links_of(traded, "accounts_account", alice.pk)
    assert rows_at(traded, of_account["Orders"]) == set(
        Order.objects.filter(account=alice).values_list("pk", flat=True)
    )
    assert rows_at(traded, of_account["User"]) == {alice.user_id}
    of_user = links_of(traded, "accounts_user", alice.user_id)
    assert rows_at(traded, of_user["Account"]) == {alice.pk}
    for address in of_user.values():
        rows_at(traded, address)
