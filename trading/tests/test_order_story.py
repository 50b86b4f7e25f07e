"""The page of one order: what happened to it, in words and in order."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.services import create_user
from exchange_site.tests.api_rig import forget_caches, make_market
from marketdata.models import Trade
from matching.messages import EndReason, OrderStatus, Side
from trading.models import Fill, Order
from trading.pages.order_story import duration, gap

pytestmark = pytest.mark.django_db
PLACED = datetime(2026, 11, 20, 14, 2, 11, 208000, tzinfo=UTC)


@pytest.fixture
def market():
    forget_caches()
    yield make_market()
    forget_caches()


@pytest.fixture
def alice(client, market):
    account = create_user("alice@example.org", "correct horse battery").account
    client.force_login(account.user)
    return account


@pytest.fixture
def order_of(alice, market):
    def make(**more):
        columns = {
            "id": 7, "side": Side.BID, "order_type": "Limit", "status": OrderStatus.FILLED, "price_ticks": 16_835,
            "quantity_lots": 1_250, "executed_lots": 1_250, "executed_quote_units": 2_104_375_000,
            "time_in_force": "GTC", "post_only": False, "self_trade_prevention": "RejectTaker", "created_at": PLACED,
            "updated_at": PLACED, "n": 1, "ahead_lots": 21_460,
        }  # fmt: skip
        return Order.objects.create(account=alice, market=market, **columns | more)

    return make


@pytest.fixture
def fill_of(alice, market):
    def make(number, lots, after_s, is_maker=True, ticks=16_835):
        """Both sides of trade `number`; the other one is somebody else's."""
        shared = {
            "market": market, "trade_id": number, "price_ticks": ticks, "quantity_lots": lots,
            "quote_units": market.spec().notional_units(ticks, lots), "at": PLACED + timedelta(seconds=after_s),
        }  # fmt: skip
        mine = {"account": alice, "order_id": 7, "side": "Bid", "fee_units": lots * 8_000, "fee_asset": market.base}
        others = {"account_id": 999, "order_id": 8, "side": "Ask", "fee_units": 1, "fee_asset": market.quote}
        sides = ((mine, is_maker), (others, not is_maker))
        Fill.objects.bulk_create(
            Fill(id=number * 2 + (not maker), is_maker=maker, **side, **shared) for side, maker in sides
        )

    return make


def page(client):
    answer = client.get("/orders/7")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_a_filled_order_tells_its_way_through_the_queue(client, order_of, fill_of, market):
    order_of()
    for number, lots, after_s in ((1, 418, 33), (2, 632, 51), (3, 200, 199)):
        fill_of(number, lots, after_s)
    for seq, after_s in ((1, 33), (2, 199)):
        Trade.objects.create(
            seq=seq, market=market, trade_id=seq, at=PLACED + timedelta(seconds=after_s), price_ticks=16_835,
            quantity_lots=1, quote_units=1, buyer_is_maker=True, maker_order_id=7, taker_order_id=8,
        )  # fmt: skip
    Order.objects.update(updated_at=PLACED + timedelta(seconds=199))
    text = page(client)
    assert "Your order waited 33 seconds, then filled in 3 trades, as maker." in text
    assert "You paid 2,104.375 USDC for 12.50 SOL; the fee was 0.01 SOL." in text
    assert "214.60 SOL stood ahead of it at this price." in text
    assert "Bought 4.18 SOL at 168.35" in text
    assert "The order is now complete." in text
    assert "+33.0 s" in text
    assert "+2 m 28 s" in text
    assert 'class="order-drawing"' in text
    assert text.index("Received and checked") < text.index("Joined the queue") < text.index("Bought 4.18")


def test_what_was_taken_at_once_comes_before_the_queue(client, order_of, fill_of):
    order_of(status=OrderStatus.PARTIALLY_FILLED, executed_lots=418, ahead_lots=0)
    fill_of(1, 418, 0, is_maker=False)
    text = page(client)
    assert text.index("Bought 4.18") < text.index("Joined the queue")
    assert "First of its price level" in text
    assert "The rest waits in the book." in text
    assert 'action="/trade/SOL_USDC/amend"' in text


@pytest.mark.parametrize("reason", [reason for reason in EndReason if reason is not EndReason.USER])
def test_why_it_ended_is_a_sentence(client, order_of, reason):
    order_of(status=OrderStatus.EXPIRED, executed_lots=0, ahead_lots=None, end_reason=reason.value)
    text = page(client)
    assert "Nothing was traded." in text
    assert 'class="step end"' in text
    assert 'action="/trade/SOL_USDC/amend"' not in text


def test_a_waiting_order_says_for_what(client, order_of):
    order_of(
        status=OrderStatus.TRIGGER_PENDING,
        executed_lots=0,
        ahead_lots=None,
        trigger_price_ticks=17_000,
        fires_above=True,
    )
    text = page(client)
    assert "waits outside the book for a trade at or above 170.00" in text
    assert "type=stop" in text
    assert "exec=limit" in text


def test_a_failed_trigger_is_explained(client, order_of):
    order_of(
        status=OrderStatus.TRIGGER_FAILED, executed_lots=0, ahead_lots=None, trigger_price_ticks=17_000,
        triggered_at=PLACED + timedelta(seconds=5), updated_at=PLACED + timedelta(seconds=5),
        end_reason=EndReason.INSUFFICIENT_FUNDS.value,
    )  # fmt: skip
    text = page(client)
    assert "Trigger reached" in text
    assert "There was not enough money when it was to be placed." in text


@pytest.mark.parametrize(
    ("span", "long", "short"),
    [
        (timedelta(milliseconds=0.5), "less than a second", "+0.5 ms"),
        (timedelta(seconds=33.72), "33 seconds", "+33.7 s"),
        (timedelta(seconds=199), "3 minutes and 19 seconds", "+3 m 19 s"),
        (timedelta(hours=5, minutes=1), "5 hours and 1 minute", "+5 h 1 m"),
    ],
)
def test_time_in_words(span, long, short):
    assert (duration(span), gap(span)) == (long, short)
