"""Every kind of order from a plain form: what is asked of the engine, the review before it, and changes afterwards."""

from datetime import UTC, datetime

import pytest

from accounts.models import Balance
from accounts.services import create_user
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from exchange_site.tests.api_rig import forget_caches, make_market
from matching.messages import OrderStatus, OrderType, Side, TimeInForce
from matching.symbols import MarketSpec
from trading.inputs import OcoInput, PlaceOrderInput
from trading.models import Order
from trading.pages.preview import preview
from trading.pages.wishes import wish_of
from trading.services.orders import Several

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
BOOK = {Side.ASK: [(2041, 300), (2043, 150)], Side.BID: [(2038, 100), (2030, 200)]}


@pytest.fixture
def market():
    forget_caches()
    yield make_market()
    forget_caches()


@pytest.fixture
def spec(market) -> MarketSpec:
    return market.spec()


@pytest.fixture
def alice(client, market):
    account = create_user("alice@example.org", "correct horse battery").account
    Balance.objects.create(account=account, asset=market.quote, available_units=1_000_000_000, locked_units=0)
    client.force_login(account.user)
    return account


def asked(form, spec):
    wish = wish_of({"side": "sell", "amount": "2", **form}, spec)
    specs = {spec.symbol: spec}
    return OcoInput.from_data(wish, specs) if isinstance(wish, list) else PlaceOrderInput.from_data(wish, specs)


def test_a_stop_waits_and_then_takes_what_there_is(spec):
    wish = asked({"type": "stop", "exec": "market", "trigger": "18.50", "price": "99"}, spec)
    assert (wish.order_type, wish.price_ticks, wish.terms.trigger_price_ticks) == (OrderType.MARKET, None, 1850)
    limit = asked({"type": "stop", "exec": "limit", "trigger": "18.50", "price": "1,018.40", "tif": "IOC"}, spec)
    assert (limit.price_ticks, limit.time_in_force) == (101_840, TimeInForce.IOC)


def test_a_trailing_stop_has_a_distance(spec):
    wish = asked({"type": "trailing", "exec": "market", "delta": "0.5", "trigger": "7"}, spec)
    assert (wish.terms.trailing_ticks, wish.terms.trigger_price_ticks) == (50, None)


def test_a_pair_is_a_limit_order_and_a_stop_of_the_same_amount(spec):
    pair = asked({"type": "oco", "price": "25", "trigger": "18", "stop_price": ""}, spec)
    assert (pair.first.price_ticks, pair.first.terms) == (2500, None)
    assert (pair.second.order_type, pair.second.terms.trigger_price_ticks) == (OrderType.MARKET, 1800)
    assert pair.first.quantity_lots == pair.second.quantity_lots == 200


def test_a_limit_order_may_hide_end_and_have_exits(spec):
    form = {
        "type": "limit", "price": "20", "amount": "4", "tif": "GTD", "until": "2036-01-02T03:04", "iceberg": "1",
        "display": "1", "exits": "1", "take_profit": "18", "stop_loss": "21",
    }  # fmt: skip
    terms = asked(form, spec).terms
    assert terms.expires_at_ms == int(datetime(2036, 1, 2, 3, 4, tzinfo=UTC).timestamp() * 1000)
    assert (terms.display_lots, terms.take_profit.trigger_price_ticks, terms.stop_loss.trigger_price_ticks) == (
        100, 1800, 2100,
    )  # fmt: skip
    plain = asked({**form, "iceberg": "", "exits": "", "tif": "GTC"}, spec)
    assert plain.terms is None, "what is not ticked does not count"


def test_a_date_that_is_none_is_refused(spec):
    with pytest.raises(ApiError, match="as a date and a time"):
        asked({"type": "limit", "price": "20", "tif": "GTD", "until": "soon"}, spec)


LIMIT = {"type": "limit", "price": "20.41", "amount": "4"}


@pytest.mark.parametrize(
    ("form", "fate", "average", "fee", "after"),
    [
        (LIMIT | {"price": "20.30"}, "It rests in the book, 3.00 SOL ahead.", 2030, 3_200_000, 918_800_000),
        (LIMIT, "3.00 SOL at once, 1.00 SOL rests in the book.", 2041, 3_800_000, 918_360_000),
        ({"type": "market", "amount": "4.5"}, "It fills at once from 2 levels.", 2041, 4_500_000, 908_125_000),
        (LIMIT | {"tif": "FOK"}, "It would be cancelled: it cannot be filled completely at once.", None, 0, 10**9),
    ],
)
def test_the_preview_counts_as_the_engine_does(spec, form, fate, average, fee, after):
    wish = asked({"side": "buy", **form}, spec)
    seen = preview(spec, wish, BOOK, (800, 1000), 1_000_000_000, None)
    assert (seen.fate, seen.average_ticks, seen.fee_units) == (fate, average, fee)
    assert 1_000_000_000 - seen.need_units == after


def test_the_preview_stops_before_an_order_of_ones_own(spec):
    wish = asked({"side": "buy", "type": "market", "amount": "4.5"}, spec)
    assert (
        preview(spec, wish, BOOK, (800, 1000), 10**9, 2043).fate
        == "Only 3.00 SOL can be filled, the rest is cancelled."
    )


def test_what_looks_like_a_slip_is_warned_of(spec):
    wish = asked({"side": "buy", "type": "limit", "price": "30", "amount": "1"}, spec)
    (far,) = preview(spec, wish, BOOK, (800, 1000), 10**9, None).warnings
    assert far == "This price is far from the market: the best ask is 20.41."
    assert preview(spec, wish, BOOK, (800, 1000), 1, None).warnings[-1] == "You do not have enough for this order."


FORM = {"side": "buy", "type": "limit", "price": "20.00", "amount": "4", "tif": "GTC"}


def test_the_review_shows_what_would_happen_and_places_nothing(client, alice, monkeypatch):
    monkeypatch.setattr("trading.services.orders.place_sync", lambda *args, **kwargs: pytest.fail("placed"))
    text = client.post("/trade/SOL_USDC/review", FORM).content.decode()
    assert "<h1>Buy 4.00 SOL</h1>" in text
    assert "It rests as the best price." in text
    assert '<input type="hidden" name="price" value="20.00">' in text
    assert 'name="key" value="' in text
    wrong = client.post("/trade/SOL_USDC/review", {**FORM, "amount": "4.001"}, follow=True).content.decode()
    assert "Not placed: Quantity decimal too long." in wrong
    assert 'value="4.001"' in wrong


def test_a_pair_and_a_stop_are_reviewed_too(client, alice):
    pair = {**FORM, "side": "sell", "type": "oco", "trigger": "18"}
    text = client.post("/trade/SOL_USDC/review", pair).content.decode()
    assert "the other is cancelled" in text
    stop = {**FORM, "type": "stop", "trigger": "18", "exec": "market"}
    assert "waits outside the book" in client.post("/trade/SOL_USDC/review", stop).content.decode()


def test_a_pair_is_placed_with_the_reviews_key(client, alice, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "trading.services.orders.place_oco_sync",
        lambda *args, key=None: seen.append((args, key)) or Several([], 1, False),
    )
    form = {**FORM, "side": "sell", "type": "oco", "trigger": "18", "key": "abc-1"}
    text = client.post("/trade/SOL_USDC/order", form, follow=True).content.decode()
    (((account_id, wish), key),) = seen
    assert (account_id, wish.second.terms.trigger_price_ticks, key) == (alice.pk, 1800, "abc-1")
    assert "Both orders wait." in text


def test_changing_and_cancelling_all_without_script(client, alice, monkeypatch):
    seen = []

    def refuse(account_id, wish):
        seen.append(wish)
        raise ApiError(errors.RESOURCE_NOT_FOUND)

    monkeypatch.setattr("trading.services.orders.amend_sync", refuse)
    monkeypatch.setattr("trading.services.orders.cancel_all_sync", lambda *args: Several([], 1, False))
    text = client.post("/trade/SOL_USDC/amend", {"order": "7", "price": "1,020.5", "amount": ""}, follow=True).content
    assert (seen[0].ref.order_id, seen[0].price_ticks, seen[0].quantity_lots) == (7, 102_050, None)
    assert b"Not changed:" in text
    assert b"0 orders cancelled." in client.post("/trade/SOL_USDC/cancel-all", follow=True).content


@pytest.mark.parametrize("route", ["review", "order", "amend", "cancel", "cancel-all"])
def test_forms_need_a_login_a_post_and_a_market(client, market, route):
    assert client.post(f"/trade/SOL_USDC/{route}", FORM)["Location"].startswith("/accounts/login/")
    assert client.get(f"/trade/SOL_USDC/{route}").status_code == 405
    client.force_login(create_user("bob@example.org", "correct horse battery").account.user)
    assert client.post(f"/trade/DOGE_USDC/{route}", FORM).status_code == 404


def order(account, market, number=7, **more):
    columns = {
        "side": Side.BID, "order_type": "Limit", "status": OrderStatus.NEW, "price_ticks": 2000, "quantity_lots": 400,
        "time_in_force": "GTC", "post_only": False, "self_trade_prevention": "RejectTaker", "created_at": NOW,
        "updated_at": NOW, "n": 1,
    }  # fmt: skip
    return Order.objects.create(id=number, account=account, market=market, **columns | more)


def test_only_its_owner_sees_an_order(client, alice, market):
    order(create_user("bob@example.org", "correct horse battery").account, market)
    assert client.get("/orders/7").status_code == 404
    assert client.get(f"/orders/{2**70}").status_code == 404
    client.logout()
    assert client.get("/orders/7")["Location"].startswith("/accounts/login/")
