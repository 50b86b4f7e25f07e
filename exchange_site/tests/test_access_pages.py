"""S16 over every other route: a walk over the URL resolver, so that a new route without a row here fails.

Nobody, a user, a user before somebody else's things, staff without a right. What staff with rights may do is tested
where it is done.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from accounts.models import ApiKey, User
from accounts.services import create_user
from accounts.tests.wallet import codes
from accounts.wallet.models import AssetNetwork, Withdrawal, WithdrawalAddress
from accounts.wallet.simulated.addresses import make_address
from exchange_site.fast_lane import ROUTES as FAST
from exchange_site.openapi.operations import OPERATIONS
from exchange_site.tests import api_rig
from marketdata.models import Market
from trading.models import Order
from trading.takeout.models import Takeout

PASSWORD = "correct horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
EVERYBODY, OWN = "everybody", "own"
ANY_METHOD = ("get", "post", "patch", "delete")

# Pages by their name in the URL table: for everybody, or for whoever is logged in and then only of their own things.
PAGES: dict[str, str] = {
    **dict.fromkeys(
        (
            "home", "markets", "trade_home", "trade", "trade_state", "theme", "api_docs", "language", "preferences",
            "words", "styleguide", "status", "announcements", "announcement_dismiss", "proof", "fees",
            "second_factor_reset",
        ),
        EVERYBODY,
    ),
    **dict.fromkeys(
        (
            "order", "trade_review", "trade_place", "trade_amend", "trade_cancel", "trade_cancel_all", "wallet",
            "faucet", "wallet_deposit", "wallet_withdraw", "wallet_addresses", "wallet_address_remove", "withdrawal",
            "withdrawal_cancel", "withdrawal_confirm", "simulated_chains", "portfolio", "account", "security",
            "session_end", "sessions_end_others", "api_keys", "api_key_revoke", "proof_mine", "favourite",
            "history", "history_kind", "history_csv", "statements", "statement", "statement_csv", "takeout",
            "takeout_download",
        ),
        OWN,
    ),
}  # fmt: skip
OF_ALLAUTH = "accounts/"  # Logging in and what belongs to it: its own tests, and one below.
ADMIN = "admin/"
API = ("api/", "wapi/")
SAMPLE = {"symbol": "SOL_USDC", "pk": "1", "order_id": "1", "token": "x", "language": "en", "object_id": "1",
          "content_type_id": "1", "app_label": "accounts", "url": "x", "uidb36": "1", "key": "x", "kind": "orders",
          "year": "2026", "month": "1", "name": "orders"}  # fmt: skip
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


def routes(patterns: Any = None, before: str = "") -> Iterator[tuple[str, Any]]:
    """Every `(path with sample values, pattern)` that Django can reach."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        path = before + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern.url_patterns, path)
        else:
            filled = _PARAMETER.sub(lambda match: SAMPLE.get(match[1] or match[2], "1"), path)
            yield filled.replace("^", "").replace("$", ""), pattern


ROUTES = list(routes())
OF_DJANGO = re.compile(r"^admin/\w+/\w+/(add/|1/|1/(change|delete|history)/)?$")  # One rule for both methods.
SITE_PAGES = [
    (path, pattern.name)
    for path, pattern in ROUTES
    if not path.startswith((ADMIN, OF_ALLAUTH, *API)) and not path.startswith("/*")
]
OWN_PAGES = [(path, name) for path, name in SITE_PAGES if PAGES.get(name) == OWN]
ADMIN_PAGES = [path for path, _ in ROUTES if path.startswith(ADMIN)]


@pytest.fixture
def market(db: None) -> Any:
    api_rig.forget_caches()
    yield api_rig.make_market()
    api_rig.forget_caches()


def logged_in(user: User) -> Client:
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def turned_away(answer: Any) -> bool:
    """Sent to log in, or told that this needs it; nothing is shown and nothing done."""
    if answer.status_code == 302:
        return bool(answer["Location"].startswith(("/accounts/login/", "/admin/login/")))
    return answer.status_code in (401, 403)


# ----------------------------------------------------------------------------------------------------------- the API


def test_every_api_route_is_described() -> None:
    """By the URL table and the fast lane alike; the tests of access and of the schema walk the descriptions."""
    served = {(method, path) for path, methods in FAST.items() if path.startswith("/api") for method in methods}
    for path, pattern in routes():
        view = getattr(pattern.callback, "view_class", None)
        if path.startswith(API) and view is not None:
            found = "/" + path.replace("SOL_USDC", "{symbol}") if "markets/" in path else "/" + path
            found = "/api/v1/order/{order_id}" if found == "/api/v1/order/1" else found
            served |= {(method.upper(), found) for method in ANY_METHOD if hasattr(view, method)}
    assert served == set(OPERATIONS)


# --------------------------------------------------------------------------------------------------------- the pages


def test_every_page_has_a_row() -> None:
    unknown = sorted({name or path for path, name in SITE_PAGES if name not in PAGES})
    assert not unknown, "Say in PAGES who may see them."


def test_nobody_sees_or_does_what_is_somebodys(market: Market) -> None:
    wrong = []
    for path, name in OWN_PAGES:
        for method in ("get", "post"):
            answer = getattr(Client(), method)("/" + path)
            if not turned_away(answer) and answer.status_code != 405:
                wrong.append((method, path, name, answer.status_code))
    assert not wrong


def test_what_is_for_everybody_asks_nobody(market: Market) -> None:
    for path, name in SITE_PAGES:
        if PAGES.get(name) == EVERYBODY:
            answer = Client().get("/" + path)
            assert answer.status_code < 500, path
            assert not turned_away(answer), path


def things_of(user: User, market: Market) -> dict[str, int]:
    """One of everything that a page names by its number, all of `user`."""
    account, now = user.account, timezone.now()
    address = make_address("Solana", "outside")
    network = AssetNetwork.objects.create(asset=market.base, blockchain="Solana", confirmations=1)
    order = Order.objects.create(
        id=77, account=account, market=market, side="Bid", order_type="Limit", status="New", price_ticks=2015,
        quantity_lots=50, time_in_force="GTC", post_only=False, self_trade_prevention="RejectTaker", created_at=now,
        updated_at=now, n=1,
    )  # fmt: skip
    entry = WithdrawalAddress.objects.create(account=account, blockchain="Solana", address=address, usable_from=now)
    withdrawal = Withdrawal.objects.create(
        account=account, network=network, units=10**9, fee_units=0, address=address, not_before=now
    )
    key = ApiKey.objects.create(account=account, public_key=api_rig.Signer(5).public_key)
    archive = Takeout.objects.create(account=account, state=Takeout.State.READY, expires_at=now + timedelta(days=1))
    logged_in(user)
    session = user.usersession_set.first()
    return {
        "order": order.pk, "wallet_address_remove": entry.pk, "withdrawal": withdrawal.pk,
        "withdrawal_cancel": withdrawal.pk, "withdrawal_confirm": withdrawal.pk, "api_key_revoke": key.pk,
        "takeout_download": archive.pk,
        **({} if session is None else {"session_end": session.pk}),
    }  # fmt: skip


def state_of(user: User) -> list[Any]:
    """All that a stranger could have changed."""
    kinds: tuple[Any, ...] = (Order, WithdrawalAddress, Withdrawal, ApiKey, Takeout)
    return [list(kind.objects.filter(account=user.account).values()) for kind in kinds]


def test_what_is_somebody_elses_is_not_found(market: Market) -> None:
    owner, other = create_user("owner@example.org", PASSWORD), create_user("other@example.org", PASSWORD)
    things = things_of(owner, market)
    before = state_of(owner)
    stranger = logged_in(other)
    for name, number in things.items():
        path = next(path for path, known in SITE_PAGES if known == name)
        target = "/" + re.sub(r"(?<=/)1(?=/|\.|$)", str(number), path)
        for method in ("get", "post"):
            answer = getattr(stranger, method)(target)
            assert answer.status_code in (302, 403, 404, 405), (method, target, answer.status_code)
            assert not re.search(rf"/{number}(/|$)", answer.headers.get("Location", "")), target
    assert state_of(owner) == before


def test_pages_of_things_are_all_tried() -> None:
    """A new page that names a thing by its number is tried with somebody else's above, or named here."""
    by_number = {pattern.name for _, pattern in routes() if "<int:" in str(pattern.pattern)}
    of_everybody = {"announcement_dismiss"}
    months = {"statement", "statement_csv"}  # Of one's own year and month.
    of_allauth = {"mfa_remove_webauthn", "mfa_edit_webauthn"}
    by_signed_link = {"second_factor_reset"}  # Without logging in: accounts/tests/factor_reset.
    tried = {"order", "wallet_address_remove", "withdrawal", "withdrawal_cancel", "withdrawal_confirm",
             "api_key_revoke", "session_end", "takeout_download"}  # fmt: skip
    assert by_number - of_everybody - months - of_allauth - by_signed_link <= tried


# --------------------------------------------------------------------------------------------------------- the admin


def test_nobody_and_no_customer_enters_the_admin(db: None) -> None:
    customer = logged_in(create_user("customer@example.org", PASSWORD))
    open_pages = {"admin/login/", "admin/logout/"}
    wrong = []
    for path in ADMIN_PAGES:
        for who, client in (("nobody", Client()), ("customer", customer)):
            for method in ("get",) if OF_DJANGO.search(path) else ("get", "post"):
                answer = getattr(client, method)("/" + path)
                if path not in open_pages and not turned_away(answer) and answer.status_code != 400:
                    wrong.append((who, method, path, answer.status_code))
    assert not wrong


def test_staff_without_a_right_see_and_do_nothing(db: None) -> None:
    """The index and their own password are all there is."""
    user = create_user("new@example.org", PASSWORD, staff=True)
    User.objects.filter(pk=user.pk).update(is_superuser=False)
    staff = logged_in(User.objects.get(pk=user.pk))
    theirs = {"admin/", "admin/login/", "admin/logout/", "admin/password_change/", "admin/password_change/done/",
              "admin/jsi18n/", "admin/search/"}  # fmt: skip
    assert not Permission.objects.filter(user=user).exists()
    wrong = []
    for path in ADMIN_PAGES:
        for method in () if path in theirs else ("get",) if OF_DJANGO.search(path) else ("get", "post"):
            answer = getattr(staff, method)("/" + path)
            if answer.status_code not in (302, 400, 403, 404, 405):
                wrong.append((method, path, answer.status_code))
    assert not wrong


def test_staff_with_a_second_factor_need_it_to_enter(db: None) -> None:
    """The password alone leads to the question for the code, not into the admin; the code does."""
    cache.clear()
    operator = create_user("operator@example.org", PASSWORD, staff=True)
    TOTP.activate(operator, SECRET)
    client = Client()
    answer = client.post("/accounts/login/", {"login": operator.email, "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/authenticate/")
    for path in ("/admin/", "/admin/accounts/account/", "/admin/trading/venueswitch/stop"):
        assert turned_away(client.get(path)), path
        assert turned_away(client.post(path)), path
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert wrong.status_code == 200
    assert turned_away(client.get("/admin/"))
    answer = client.post("/accounts/2fa/authenticate/", {"code": codes.code(SECRET)})
    assert answer.status_code == 302
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/accounts/account/").status_code == 200
