"""The trading page as a plain document, and its forms where no script runs."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from accounts.models import Balance
from accounts.services import create_user
from exchange_site.kernel import errors
from exchange_site.kernel.errors import ApiError
from exchange_site.tests.api_rig import forget_caches, make_market
from marketdata.models import Kline, Market, MarketFigures, MarketStatistics, Trade
from matching.messages import OrderStatus, OrderType, OrderView, SelfTradePrevention, Side, TimeInForce
from trading.models import Fill, Order
from trading.services.orders import Placed, unknown_outcome

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)


@pytest.fixture
def market():
    forget_caches()
    market = make_market()
    MarketFigures.objects.create(market=market, last_price_ticks=16_842)
    day = {"open_ticks": 16_430, "high_ticks": 17_190, "low_ticks": 16_088, "close_ticks": 16_842}
    MarketStatistics.objects.create(market=market, **day, volume_lots=100, quote_units=5_000_000, refreshed_at=NOW)
    yield market
    forget_caches()


@pytest.fixture
def alice(market):
    account = create_user("alice@example.org", "correct horse battery").account
    Balance.objects.create(account=account, asset=market.quote, available_units=10_517_660_000, locked_units=0)
    return account


@pytest.fixture
def order_of(market):
    def make(account, number, side=Side.BID, ticks=16_680, lots=1_250, status=OrderStatus.NEW):
        return Order.objects.create(
            id=number, account=account, market=market, side=side, order_type="Limit", status=status, price_ticks=ticks,
            quantity_lots=lots, time_in_force="GTC", post_only=False, self_trade_prevention="RejectTaker",
            created_at=NOW, updated_at=NOW, n=number,
        )  # fmt: skip

    return make


def page(client, **query):
    answer = client.get(reverse("trade", args=["SOL_USDC"]), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_visitor_sees_the_real_market(client, market, alice, order_of):
    order_of(alice, 1)
    order_of(alice, 2, Side.ASK, 17_125, 2_000)
    Trade.objects.create(
        seq=9, market=market, trade_id=1, at=NOW, price_ticks=16_842, quantity_lots=1_078, quote_units=1,
        buyer_is_maker=True, maker_order_id=1, taker_order_id=2,
    )  # fmt: skip
    prices = {"open_ticks": 16_800, "high_ticks": 16_900, "low_ticks": 16_700, "close_ticks": 16_842}
    amounts = {"volume_lots": 5, "quote_units": 1, "trades": 1, "last_seq": 9}
    Kline.objects.create(market=market, interval="1m", start=NOW, **prices, **amounts)
    text = page(client)
    for shown in ("168.42", "+4.12", "+2.51", "166.80", "171.25", "10.78", "Log in to buy", 'class="rising"', "4.45"):
        assert shown in text


def test_a_young_market_is_shown_by_the_minute_until_it_fills_a_chart(client, market):
    def trade_for(quarters: int) -> None:
        for number in range(quarters):
            Kline.objects.create(
                market=market, interval="15m", start=NOW - timedelta(minutes=15 * number), open_ticks=1, high_ticks=1,
                low_ticks=1, close_ticks=1, volume_lots=1, quote_units=1, trades=1, last_seq=1,
            )  # fmt: skip

    assert 'data-interval="1m" aria-current="true"' in page(client)
    assert 'data-interval="15m" aria-current="true"' in page(client, interval="15m")
    trade_for(quarters=12)
    assert 'data-interval="15m" aria-current="true"' in page(client)


def test_nothing_on_the_page_is_inline(client, market):
    answer = client.get(reverse("trade", args=["SOL_USDC"]))
    text = answer.content.decode()
    assert " style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="')
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_query_strings_choose_what_script_would(client, market):
    text = page(
        client, side="sell", type="market", price="168.43", amount="2", interval="1h", view="trade", tab="fills"
    )
    assert 'value="168.43"' in text
    assert 'value="sell" checked' in text
    assert 'value="market" checked' in text
    assert 'data-interval="1h" aria-current="true"' in text
    assert 'data-view="trade"' in text
    assert 'value="&lt;b&gt;"' in page(client, price="<b>", interval="nonsense")


def test_an_unknown_market_is_no_page(client, market):
    assert client.get("/trade/NO_SUCH").status_code == 404


def test_trade_leads_to_the_market_seen_last(client, market):
    assert client.get("/trade")["Location"] == "/trade/SOL_USDC"


def test_one_sees_only_ones_own_orders(client, market, alice, order_of):
    bob = create_user("bob@example.org", "correct horse battery").account
    order_of(alice, 77)
    order_of(bob, 78)
    client.force_login(alice.user)
    text = page(client)
    assert 'data-order="77"' in text
    assert 'data-order="78"' not in text
    assert "2,085" in text
    assert "10,517.66" in text


def test_history_and_fills_have_their_tabs(client, market, alice, order_of):
    order_of(alice, 80, status=OrderStatus.CANCELLED)
    trade = {
        "market": market, "trade_id": 1, "price_ticks": 16_842, "quantity_lots": 50, "quote_units": 84_210_000,
        "fee_units": 84_210, "at": NOW,
    }  # fmt: skip
    sold = Fill(id=4, account=alice, order_id=80, side="Ask", fee_asset=market.quote, is_maker=True, **trade)
    bought = Fill(id=5, account_id=999, order_id=81, side="Bid", fee_asset=market.base, is_maker=False, **trade)
    Fill.objects.bulk_create([sold, bought])  # The two sides of a trade come together.
    client.force_login(alice.user)
    assert "Cancelled" in page(client, tab="history")
    text = page(client, tab="fills")
    assert "0.08421" in text
    assert "Maker" in text


class FakeOrders:
    def __init__(self, monkeypatch):
        self.asked, self.refusal, self.status, self.executed = [], None, OrderStatus.NEW, 0
        monkeypatch.setattr("trading.services.orders.place_sync", self.ask)
        monkeypatch.setattr("trading.services.orders.cancel_sync", self.ask)

    def ask(self, account_id, wish, key=None):
        self.asked.append((account_id, wish))
        if self.refusal:
            raise self.refusal
        view = OrderView(
            order_id=1, account_id=account_id, market="SOL_USDC", side=Side.BID, order_type=OrderType.LIMIT,
            status=self.status, price_ticks=1, quantity_lots=1_250, quote_units=None, executed_lots=self.executed,
            executed_quote_units=0, time_in_force=TimeInForce.GTC, post_only=False, client_id=None, created_at_ms=0,
            self_trade_prevention=SelfTradePrevention.REJECT_TAKER,
        )  # fmt: skip
        return Placed(view, 1, False)


@pytest.fixture
def orders(monkeypatch):
    return FakeOrders(monkeypatch)


FORM = {"side": "buy", "type": "limit", "price": "1,168.40", "amount": "12.5", "tif": "GTC", "post_only": "1"}


def test_the_form_places_an_order_without_script(client, alice, orders):
    client.force_login(alice.user)
    answer = client.post("/trade/SOL_USDC/order", FORM, follow=True)
    ((account_id, wish),) = orders.asked
    assert account_id == alice.pk
    assert (wish.side, wish.price_ticks, wish.quantity_lots, wish.post_only) == (Side.BID, 116_840, 1_250, True)
    assert "The order waits in the book." in answer.content.decode()


def test_a_market_order_by_total(client, alice, orders):
    client.force_login(alice.user)
    client.post("/trade/SOL_USDC/order", {"side": "sell", "type": "market", "price": "9", "amount": "", "total": "500"})
    ((_, wish),) = orders.asked
    assert (wish.side, wish.order_type, wish.quote_units) == (Side.ASK, OrderType.MARKET, 500_000_000)


def test_a_refused_order_keeps_what_was_typed(client, alice, orders):
    orders.refusal = ApiError(errors.INSUFFICIENT_FUNDS)
    client.force_login(alice.user)
    text = client.post("/trade/SOL_USDC/order", FORM, follow=True).content.decode()
    assert "Not placed: Insufficient funds." in text
    assert 'value="12.5"' in text


def test_a_wrong_amount_never_reaches_the_engine(client, alice, orders):
    client.force_login(alice.user)
    text = client.post("/trade/SOL_USDC/order", {**FORM, "amount": "12.505"}, follow=True).content.decode()
    assert orders.asked == []
    assert "Not placed: Quantity decimal too long." in text


def test_nobody_knows_is_not_called_refused(client, alice, orders):
    orders.refusal = unknown_outcome()
    client.force_login(alice.user)
    text = client.post("/trade/SOL_USDC/order", FORM, follow=True).content.decode()
    assert "No answer yet. Look at your open orders" in text
    assert "Not placed" not in text


def test_cancelling_without_script(client, alice, orders):
    client.force_login(alice.user)
    answer = client.post("/trade/SOL_USDC/cancel", {"order": "77", "symbol": "SOL_USDC"}, follow=True)
    assert orders.asked[0][1].order_id == 77
    assert "Order cancelled." in answer.content.decode()


def set_state(market, state, reason="", since=None):
    Market.objects.filter(pk=market.pk).update(state=state, state_reason=reason, state_since=since)


def test_a_halted_market_says_so(client, market, alice):
    client.force_login(alice.user)
    assert "data-state-badge data-state-word hidden" in page(client)
    today = NOW.replace(hour=14, minute=5)
    set_state(market, "CancelOnly", "odd prices", today)
    text = page(client)
    sentence = "SOL/USDC is halted since 14:05. Open orders stay; you can cancel them. Reason: odd prices."
    assert f'id="state-note">{sentence}</p>' in text
    assert "<span data-state-word>Halted</span>" in text
    assert "data-state-badge data-state-word hidden" not in text
    assert 'aria-describedby="state-note" disabled' in text
    assert client.get("/trade/SOL_USDC/state").json() == {"state": "CancelOnly", "word": "Halted", "sentence": sentence}
    listed = client.get("/markets").content.decode()
    assert ">Halted</span>" in listed
    assert "0 markets open" in listed


@pytest.mark.parametrize(
    ("state", "word", "start", "disabled"),
    [
        ("PostOnly", "Post-only", "SOL/USDC takes only orders that rest in the book since 9 Mar 07:30.", False),
        ("LimitOnly", "Limit only", "SOL/USDC takes limit orders only since 9 Mar 07:30.", False),
        ("Closed", "Closed", "SOL/USDC is closed since 9 Mar 07:30.", True),
    ],
)
def test_every_state_has_words(client, market, alice, state, word, start, disabled):
    set_state(market, state, since=datetime(2020, 3, 9, 7, 30, tzinfo=UTC))
    client.force_login(alice.user)
    text = page(client)
    assert start in text
    assert f"<span data-state-word>{word}</span>" in text
    assert ('aria-describedby="state-note" disabled' in text) is disabled


def test_the_state_of_an_open_or_unknown_market(client, market):
    answer = client.get("/trade/SOL_USDC/state")
    assert answer.json() == {"state": "Open", "word": "Open", "sentence": ""}
    assert answer["Cache-Control"] == "no-store"
    assert client.get("/trade/DOGE_USDC/state").status_code == 404


def test_a_halt_explains_the_refusal(client, market, alice, orders):
    set_state(market, "CancelOnly")
    orders.refusal = ApiError(errors.INVALID_ORDER, "The market does not take this order in its present state")
    client.force_login(alice.user)
    text = client.post("/trade/SOL_USDC/order", FORM, follow=True).content.decode()
    assert "Not placed: SOL/USDC is halted. Open orders stay; you can cancel them." in text


def test_orders_need_a_login_and_a_post(client, market, orders):
    assert client.post("/trade/SOL_USDC/order", FORM)["Location"].startswith("/accounts/login/")
    assert client.get("/trade/SOL_USDC/order").status_code == 405
    assert orders.asked == []


def test_a_foreign_site_cannot_send_the_form(market, alice, orders):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)
    answer = strict.post("/trade/SOL_USDC/order", FORM)
    assert answer.status_code == 403
    assert "Not allowed" in answer.content.decode()
    assert orders.asked == []


def test_a_conditional_order_says_what_it_waits_for(client, market, alice, order_of):
    client.force_login(alice.user)
    waiting = order_of(alice, 1, Side.ASK, 16_500, status=OrderStatus.TRIGGER_PENDING)
    waiting.trigger_price_ticks = 16_600
    waiting.save()
    trailing = order_of(alice, 2, Side.ASK, None, status=OrderStatus.TRIGGER_PENDING)
    trailing.trailing_ticks, trailing.order_type = 150, "Market"
    trailing.save()
    failed = order_of(alice, 3, status=OrderStatus.TRIGGER_FAILED)
    failed.trigger_price_ticks = 16_700
    failed.save()
    text = page(client)
    assert 'Stop limit</a> <span class="quiet trigger" data-f="trigger">at 166.00</span>' in text
    assert 'Trailing market</a> <span class="quiet trigger" data-f="trigger">by 1.50</span>' in text
    history = page(client, tab="history")
    assert "Failed" in history
    assert 'data-f="trigger">at 167.00</span>' in history
