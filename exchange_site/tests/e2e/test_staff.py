"""Staff in a real browser, each role with what it is there for, on an exchange where two people have to agree.

What a role may not do is in the matrix (`exchange_site/tests/ops/test_permission_matrix.py`); here it is enough that
the page does not offer it.
"""

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from exchange_site.tests.e2e.ccxt_clients import MARKET, sync_client, trader
from exchange_site.tests.e2e.order_load import Loader
from exchange_site.tests.e2e.running import RunningExchange, wait_until

PASSWORD = "correct horse battery staple"
KILL_SWITCH_LIMIT_S = 1.0
PEOPLE = {
    "support": "support",
    "operations": "market operations",
    "operations2": "market operations",
    "treasury": "treasury",
    "security": "security",
    "administrator": "administrator",
    "administrator2": "administrator",
    "auditor": "auditor",
}
MAKE_THEM = """
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from accounts.services import create_user
from exchange_site.ops import roles
roles.sync()
for name, role in {people!r}.items():
    user = create_user(name + "@example.org", {password!r})
    user.is_staff = True
    user.save()
    user.groups.add(Group.objects.get(name=role))
TOTP.activate(create_user("carol@example.org", {password!r}), generate_totp_secret())
create_user("newcomer@example.org", {password!r})
"""


COUNT_THEM = """
from trading.models import Order
print(Order.objects.filter(account__user__email__startswith="loader").count())
"""


@pytest.fixture(scope="module")
def exchange(start_exchange) -> Iterator[RunningExchange]:
    own = start_exchange(
        STAFF_ONE_PERSON="false", RATE_LIMIT_ACCOUNT_PER_MINUTE="600000", RATE_LIMIT_ADDRESS_PER_MINUTE="600000"
    )
    own.manage("shell", "-c", MAKE_THEM.format(people=PEOPLE, password=PASSWORD))
    yield own
    own.down()


@pytest.fixture
def as_role(exchange, new_context) -> Callable[[str], Page]:
    """A browser in which this member of staff is logged in, on the first page of the admin."""

    def log_in(name: str) -> Page:
        page: Page = new_context(base_url=exchange.url, accept_downloads=True).new_page()
        page.goto("/accounts/login/?next=/admin/")
        page.locator("input[name=login]").fill(f"{name}@example.org")
        page.locator("input[type=password]").fill(PASSWORD)
        page.locator("main form button[type=submit]").last.click()
        expect(page).to_have_url(re.compile("/admin/$"))
        return page

    return log_in


def status_of(exchange: RunningExchange) -> dict[str, Any]:
    with urllib.request.urlopen(f"{exchange.url}/api/v1/status", timeout=10) as answer:  # noqa: S310 - our own address.
        return dict(json.load(answer))


def decide(page: Page, button: str, reason: str, **fields: str) -> None:
    for name, value in {"reason": reason, **fields}.items():
        page.locator(f"input[name={name}]").fill(value)
    page.get_by_role("button", name=button).click()


def act_of(name: str) -> str:
    return f'a[href$="/{name}/"], a[href$="/{name}"]'


def open_act(page: Page, name: str) -> None:
    """The page of one act of a row; its link may be in a menu."""
    page.goto(page.locator(act_of(name)).first.get_attribute("href") or "")


def approve_newest(page: Page, summary: str) -> None:
    """From the inbox, as a second person does."""
    page.goto("/admin/marketdata/staffwish/?state__exact=pending")
    page.get_by_role("link", name=re.compile(re.escape(summary))).first.click()
    open_act(page, "approve")
    decide(page, "Approve and do it", "I agree")
    expect(page.get_by_text(": done")).to_be_visible()


def test_market_operations_halts_and_a_second_one_lets_it_trade_again(exchange, as_role):
    operations, public = as_role("operations"), as_role("auditor")
    operations.goto("/admin/marketdata/market/")
    operations.get_by_role("link", name="SOL_USDC").first.click()
    open_act(operations, "halt")
    decide(operations, "Halt", "odd prices on one side")
    public.goto("/status")
    row = public.locator("tr", has_text="SOL/USDC")
    wait_until(lambda: public.reload() and "odd prices" in row.inner_text(), 15, "the status page says why")
    operations.goto("/admin/marketdata/market/")
    operations.get_by_role("link", name="SOL_USDC").first.click()
    open_act(operations, "resume")
    decide(operations, "Resume", "prices are right again")
    expect(operations.get_by_text("Somebody else must approve it")).to_be_visible()
    public.reload()
    assert "odd prices" in row.inner_text(), "one person is not enough"
    approve_newest(as_role("operations2"), "SOL_USDC")
    wait_until(lambda: public.reload() and "odd prices" not in row.inner_text(), 15, "the market is open")


def test_security_stops_everything_within_a_second_under_load_and_nothing_is_lost(exchange, as_role):
    pair = trader(exchange, "bystander@example.org", USDC="1000")
    client = sync_client(exchange, pair)
    client.load_markets()
    order = client.create_order(MARKET, "limit", "buy", 1, 1)
    security = as_role("security")
    security.goto("/admin/trading/venueswitch/")
    security.get_by_role("link", name="Stop all trading").click()
    for name, value in {"reason": "withdrawals look wrong", "word": "STOP"}.items():
        security.locator(f"input[name={name}]").fill(value)
    before = exchange.status()["engine"]
    loaders = [Loader(exchange, trader(exchange, f"loader{number}@example.org", USDC="1000")) for number in range(2)]
    for loader in loaders:
        loader.start()
    wait_until(lambda: min(len(loader.accepted) for loader in loaders) > 400, 30, "there is load")
    began = time.monotonic()
    security.get_by_role("button", name="Stop all trading").click()
    status = wait_until(lambda: (found := status_of(exchange))["status"] != "Ok" and found, 10, "trading is stopped")
    took_s = time.monotonic() - began
    assert took_s < KILL_SWITCH_LIMIT_S, f"{took_s:.3f} s from the click"
    wait_until(lambda: all(loader.refusals for loader in loaders), 10, "orders are refused")
    for loader in loaders:
        loader.stop()
    accepted = [one for loader in loaders for one in loader.accepted]
    last_s = max(at for _, at in accepted) - began
    assert last_s < KILL_SWITCH_LIMIT_S, f"an order was accepted {last_s:.3f} s after the click"
    assert {code for loader in loaders for code in loader.refusals} == {"TRADING_PAUSED"}
    assert "withdrawals look wrong" in json.dumps(status)
    security.goto("/status")
    expect(security.get_by_role("heading", name="All trading is stopped")).to_be_visible()
    expect(security.get_by_text("withdrawals look wrong").first).to_be_visible()
    with pytest.raises(Exception, match="TRADING_PAUSED"):
        client.create_order(MARKET, "limit", "buy", 1, 1)
    assert client.cancel_order(order["id"], MARKET)["status"] == "canceled", "cancelling goes on"
    security.goto("/admin/trading/venueswitch/")
    security.get_by_role("link", name="Allow trading again").click()
    decide(security, "Allow trading again", "it was a display error")
    approve_newest(as_role("operations"), "Release the kill switch")
    wait_until(lambda: status_of(exchange)["status"] == "Ok", 15, "trading goes on")
    assert client.create_order(MARKET, "limit", "buy", 1, 1)["status"] == "open"
    client.cancel_all_orders(MARKET)
    wait_until(lambda: exchange.status()["projections"]["db_writer"]["behind"] == 0, 30, "the database is level")
    assert exchange.status()["engine"]["n"] > before["n"]
    ids = [order_id for order_id, _ in accepted]
    assert len(ids) == len(set(ids))
    found = exchange.manage("shell", "-c", COUNT_THEM).strip().splitlines()[-1]
    assert int(found) == len(ids), "every order that was accepted under load is there, and no other"
    assert "equal" in exchange.manage("reconcile").lower(), "nothing was lost"


def test_support_asks_about_a_lost_factor_and_security_agrees(exchange, as_role):
    support = as_role("support")
    support.goto("/admin/accounts/user/?q=carol")
    support.get_by_role("link", name="carol@example.org").first.click()
    expect(support.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    open_act(support, "reset_factor")
    decide(support, "Ask for it", "passport compared on a call")
    expect(support.get_by_text("Somebody else must approve it")).to_be_visible()
    security = as_role("security")
    approve_newest(security, "Take away the second factor of carol@example.org")
    security.goto("/admin/accounts/secondfactorreset/")
    expect(security.get_by_role("row", name=re.compile("carol@example.org"))).to_contain_text("Waiting")
    security.get_by_role("link", name="carol@example.org").first.click()
    security.get_by_role("link", name=re.compile("Stop it")).click()
    decide(security, "Stop it", "it was not her")
    security.goto("/admin/accounts/secondfactorreset/")
    expect(security.get_by_role("row", name=re.compile("carol@example.org"))).to_contain_text("Stopped by staff")


def test_an_administrator_gives_rights_and_another_agrees(exchange, as_role):
    first = as_role("administrator")
    first.goto("/admin/accounts/user/?q=newcomer")
    first.get_by_role("link", name="newcomer@example.org").first.click()
    first.locator("input[name=is_staff]").check()
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Say why: somebody else has to approve it.")).to_be_visible()
    first.locator("input[name=reason]").fill("joined the team")
    first.get_by_role("button", name="Save", exact=True).click()
    expect(first.get_by_text("Somebody else must approve it")).to_be_visible()
    approve_newest(as_role("administrator2"), "Give newcomer@example.org: access to the administration")
    newcomer = as_role("newcomer")
    expect(newcomer.locator("[data-live]")).to_have_count(0)  # It has no role yet, and so nothing to look at.


def test_the_auditor_takes_the_log_along_and_changes_nothing(exchange, as_role):
    auditor = as_role("auditor")
    auditor.goto("/admin/accounts/auditentry/")
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name=re.compile("export|CSV", re.IGNORECASE)).first.click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("number,at,")
    assert any("role.give" in line or "login" in line for line in lines)
    auditor.goto("/admin/trading/venueswitch/")
    expect(auditor.get_by_role("heading", name="Venue")).to_be_visible()
    expect(auditor.get_by_role("link", name="Stop all trading")).to_have_count(0)


def test_treasury_sees_money_and_no_switches(exchange, as_role):
    treasury = as_role("treasury")
    treasury.goto("/admin/accounts/withdrawal/")
    expect(treasury.get_by_role("heading", name=re.compile("ithdrawal")).first).to_be_visible()
    treasury.goto("/admin/marketdata/market/")
    treasury.get_by_role("link", name="SOL_USDC").first.click()
    expect(treasury.locator(act_of("halt"))).to_have_count(0)
    treasury.goto("/admin/")
    expect(treasury.locator("[data-live]")).to_contain_text("Last backup")
    assert "never" in treasury.locator("[data-live]").inner_text()
    expect(treasury.get_by_text("Everything is all right")).to_have_count(0)
