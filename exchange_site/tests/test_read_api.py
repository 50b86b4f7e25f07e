"""Reading: public market data, own orders, fills and money; JSON for every path and method, found or not."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import HOUSE_ACCOUNT_ID, Balance
from accounts.tests.posting import post
from exchange_site.api_errors import exact
from exchange_site.kernel.fast_http import json_response
from exchange_site.tests.api_rig import Trader, ask, assert_refused
from marketdata.models import FeeSchedule, Kline, Market, MarketFigures, Trade
from matching.client import gateway
from matching.messages import OrderStatus, OrderType, OrderView, SelfTradePrevention, Side, TimeInForce
from matching.tests.fake_engine import FakeEngine
from trading.api import freshness
from trading.api.json import order_object
from trading.models import AccountRules, Checkpoint, Fill, Order

AT = datetime(2026, 1, 31, 23, 59, 59, 123000, tzinfo=UTC)
FAR_N = 10**9


@pytest.fixture
async def site(log: Any) -> Any:
    yield
    await gateway.close_shared()


@pytest.fixture
def rows(market: Market, alice: Trader) -> Market:
    """What the db writer would have left: two orders, a fill, a trade, a candle, balances."""
    Checkpoint.objects.update_or_create(name="db_writer", defaults={"n": FAR_N})
    MarketFigures.objects.update_or_create(market=market, defaults={"last_price_ticks": 2015})
    common: dict[str, Any] = {
        "account": alice.account, "market": market, "side": "Bid", "order_type": "Limit", "quantity_lots": 50,
        "time_in_force": "GTC", "post_only": False, "self_trade_prevention": "RejectTaker", "created_at": AT,
        "updated_at": AT, "n": 1,
    }  # fmt: skip
    Order.objects.create(id=1, status="New", price_ticks=2015, client_id=7, **common)
    Order.objects.create(id=2, status="Cancelled", price_ticks=2014, end_reason="User", **common)
    Order.objects.create(id=3, status="Expired", price_ticks=2013, end_reason="FillOrKill", **common)
    trade: dict[str, Any] = {
        "market": market, "trade_id": 51, "price_ticks": 2015, "quantity_lots": 50, "quote_units": 10_075_000, "at": AT,
    }  # fmt: skip
    hers = {"account": alice.account, "order_id": 1, "client_id": 7, "side": "Bid", "fee_units": 500_000}
    others = {"account_id": HOUSE_ACCOUNT_ID, "order_id": 9, "side": "Ask", "fee_units": 0}
    Fill.objects.bulk_create(  # The database takes both sides of a trade or none.
        [
            Fill(id=8, fee_asset=market.quote, is_maker=True, **others, **trade),
            Fill(id=9, fee_asset=market.base, is_maker=False, **hers, **trade),
        ]
    )
    Trade.objects.create(
        seq=4, market=market, trade_id=51, at=AT, price_ticks=2015, quantity_lots=50, quote_units=10_075_000,
        buyer_is_maker=True, maker_order_id=1, taker_order_id=2,
    )  # fmt: skip
    Kline.objects.create(
        market=market, interval="1m", start=datetime(2026, 1, 31, 23, 59, tzinfo=UTC), open_ticks=2000, high_ticks=2050,
        low_ticks=1990, close_ticks=2040, volume_lots=1250, quote_units=252_100_000, trades=9, last_seq=4,
    )  # fmt: skip
    Balance.objects.create(
        account=alice.account, asset=market.base, available_units=9_500_000_000, locked_units=500_000_000
    )
    post(id=80, seq=10, at=AT, kind="credit", account=alice.account, asset=market.quote, units=1_000_000_000)
    return market


pytestmark = pytest.mark.usefixtures("site", "rows")


async def test_open_orders(alice: Trader, bob: Trader) -> None:
    for path in ("/api/v1/orders", "/api/v1/order/open"):
        [order] = (await alice.ask("GET", path)).json()
        assert (order["id"], order["clientId"], order["status"], order["createdAt"]) == ("1", 7, "New", 1769903999123)
    assert (await bob.ask("GET", "/api/v1/orders")).json() == []
    assert (await alice.ask("GET", "/api/v1/orders", query={"symbol": "SOL_USDC", "marketType": "PERP"})).json() == []


async def test_one_order_by_either_name(alice: Trader, bob: Trader) -> None:
    for query in ({"symbol": "SOL_USDC", "orderId": "1"}, {"symbol": "SOL_USDC", "clientId": "7"}):
        assert (await alice.ask("GET", "/api/v1/order", query=query)).json()["id"] == "1"
        assert_refused(await bob.ask("GET", "/api/v1/order", query=query), 404, "RESOURCE_NOT_FOUND")
    assert (await alice.ask("GET", "/api/v1/order/1")).json()["id"] == "1"
    assert_refused(await alice.ask("GET", "/api/v1/order/2"), 404, "RESOURCE_NOT_FOUND")
    assert_refused(await alice.ask("GET", "/api/v1/order/x"), 404, "RESOURCE_NOT_FOUND")
    for query in ({"symbol": "SOL_USDC"}, {"symbol": "SOL_USDC", "orderId": "1", "clientId": "7"}, {"orderId": "1"}):
        assert_refused(await alice.ask("GET", "/api/v1/order", query=query), 400, "INVALID_CLIENT_REQUEST")


@pytest.fixture
def conditional(rows: Market, alice: Trader) -> Order:
    return Order.objects.create(
        id=4, account=alice.account, market=rows, side="Ask", order_type="Limit", status="TriggerPending",
        price_ticks=1850, quantity_lots=50, time_in_force="GTD", post_only=False, self_trade_prevention="Decrement",
        created_at=AT, updated_at=AT, n=2, client_id=9, trigger_price_ticks=1900, fires_above=False, expires_at=AT,
        take_profit_trigger_ticks=1700, take_profit_price_ticks=1699, related_order_id=1,
    )  # fmt: skip


async def test_an_order_that_waits_for_its_trigger_is_open(conditional: Order, alice: Trader) -> None:
    waiting, _ = (await alice.ask("GET", "/api/v1/orders")).json()
    assert (waiting["status"], waiting["triggerPrice"], waiting["triggerQuantity"]) == ("TriggerPending", "19", "0.5")
    assert (waiting["takeProfitTriggerPrice"], waiting["takeProfitLimitPrice"]) == ("17", "16.99")
    assert (waiting["relatedOrderId"], waiting["triggeredAt"], waiting["expireTime"]) == ("1", None, 1769903999123)
    query = {"symbol": "SOL_USDC", "clientId": "9"}
    assert (await alice.ask("GET", "/api/v1/order", query=query)).json() == waiting
    assert (await alice.ask("GET", "/api/v1/order/4")).json() == waiting
    account = (await alice.ask("GET", "/api/v1/account")).json()
    assert (account["limitOrders"], account["triggerOrders"]) == (1, 1)
    [row, *_] = (await alice.ask("GET", "/wapi/v1/history/orders")).json()
    assert (row["id"], row["status"], row["triggerPrice"], row["triggerBy"]) == (
        "4",
        "TriggerPending",
        "19",
        "LastPrice",
    )
    assert not {"relatedOrderId", "triggeredAt", "reduceOnly"} & row.keys()


async def test_fees_are_those_of_the_accounts_tier(rows: Market, alice: Trader, tiers: None) -> None:
    account = (await alice.ask("GET", "/api/v1/account")).json()
    assert (account["spotMakerFee"], account["spotTakerFee"]) == ("-0.5", "3")


@pytest.fixture
def tiers(rows: Market, alice: Trader) -> None:
    """The account's tier 3 has no fees of its own, so those of tier 2 count, in their newest version."""
    for seq, tier, maker, taker in ((1, 0, 800, 1000), (2, 2, 9, 9), (3, 2, -50, 300), (4, 4, 1, 1)):
        FeeSchedule.objects.create(
            seq=seq, market=rows, version=seq, tier=tier, maker_fee_ppm=maker, taker_fee_ppm=taker, at=AT
        )
    AccountRules.objects.create(account_id=alice.account.pk, tier=3)


async def test_order_history(alice: Trader) -> None:
    response = await alice.ask("GET", "/wapi/v1/history/orders", query={"limit": "2", "offset": "0"})
    expired, cancelled = response.json()
    assert (expired["id"], expired["expiryReason"], expired["createdAt"]) == (
        "3",
        "FillOrKill",
        "2026-01-31T23:59:59.123",
    )
    assert (cancelled["status"], cancelled["expiryReason"], cancelled["quoteQuantity"]) == ("Cancelled", None, "10.07")
    assert [response.headers[f"X-{name}"] for name in ("TOTAL", "PAGE-SIZE", "CURRENT-PAGE", "PAGE-COUNT")] == [
        "3", "2", "1", "2"
    ]  # fmt: skip
    rising = await alice.ask("GET", "/wapi/v1/history/orders", query={"sortDirection": "Asc"})
    assert [order["id"] for order in rising.json()] == ["1", "2", "3"]


async def test_fill_history(alice: Trader) -> None:
    [fill] = (await alice.ask("GET", "/wapi/v1/history/fills", query={"fillType": "User"})).json()
    assert fill == {
        "tradeId": 51, "orderId": "1", "clientId": "7", "symbol": "SOL_USDC", "side": "Bid", "price": "20.15",
        "quantity": "0.5", "fee": "0.0005", "feeSymbol": "SOL", "isMaker": False, "systemOrderType": None,
        "timestamp": "2026-01-31T23:59:59.123",
    }  # fmt: skip
    at_ms = "1769903999123"
    for query, count in (({"from": at_ms}, 1), ({"to": at_ms}, 0), ({"fillType": "Adl"}, 0), ({"orderId": "2"}, 0)):
        assert len((await alice.ask("GET", "/wapi/v1/history/fills", query=query)).json()) == count


async def test_money(alice: Trader, bob: Trader) -> None:
    capital = (await alice.ask("GET", "/api/v1/capital")).json()
    assert capital["SOL"] == {"available": "9.5", "locked": "0.5", "staked": "0"}
    assert capital["USDC"] == {"available": "0", "locked": "0", "staked": "0"}
    assert (await bob.ask("GET", "/api/v1/capital")).json()["SOL"]["available"] == "0"
    [deposit] = (await alice.ask("GET", "/wapi/v1/capital/deposits")).json()
    assert (deposit["id"], deposit["source"], deposit["quantity"]) == (1, "administrator", "1000")
    account = (await alice.ask("GET", "/api/v1/account")).json()
    assert (account["spotMakerFee"], account["spotTakerFee"], account["limitOrders"]) == ("8", "10", 1)
    query = {"symbol": "SOL_USDC", "side": "Ask", "reduceOnly": "True"}
    limits = (await alice.ask("GET", "/api/v1/account/limits/order", query=query)).json()
    assert (limits["maxOrderQuantity"], limits["reduceOnly"]) == ("9.5", True)


async def test_settings_are_answered_with_nothing(alice: Trader) -> None:
    response = await alice.ask("PATCH", "/api/v1/account", {"autoLend": True})
    assert (response.status_code, response.content) == (200, b"")


async def test_routes_of_other_products(alice: Trader) -> None:
    for path in ("/api/v1/position", "/wapi/v1/history/pnl", "/api/v1/strategies"):
        assert (await alice.ask("GET", path)).json() == []
        assert_refused(await ask("GET", path), 401, "UNAUTHORIZED")
    for path in ("/api/v1/borrowLend", "/api/v1/strategy", "/api/v1/account/convertDust"):
        assert_refused(await alice.ask("POST", path), 501, "NOT_IMPLEMENTED")


async def test_public_reads_of_the_database() -> None:
    [market] = (await ask("GET", "/api/v1/markets")).json()
    assert market["filters"]["price"]["tickSize"] == market["filters"]["quantity"]["stepSize"] == "0.01"
    assert (await ask("GET", "/api/v1/market?symbol=SOL_USDC")).json() == market
    assert (await ask("GET", "/api/v1/markets/SOL_USDC")).json() == market
    assert (await ask("GET", "/api/v1/markets?marketType[]=PERP")).json() == []
    assert [asset["symbol"] for asset in (await ask("GET", "/api/v1/assets")).json()] == ["SOL", "USDC"]
    query = "symbol=SOL_USDC&interval=1m&startTime=1769900000"
    [candle] = (await ask("GET", f"/api/v1/klines?{query}")).json()
    assert candle == {
        "start": "2026-01-31 23:59:00", "end": "2026-02-01 00:00:00", "open": "20", "high": "20.5", "low": "19.9",
        "close": "20.4", "volume": "12.5", "quoteVolume": "252.1", "trades": "9",
    }  # fmt: skip
    assert (await ask("GET", f"/api/v1/kline?{query}")).json() == [candle]
    [trade] = (await ask("GET", "/api/v1/trades/history?symbol=SOL_USDC")).json()
    assert (trade["id"], trade["quoteQuantity"], trade["isBuyerMaker"]) == (51, "10.075", True)


# A fresh database for each row of these tables would take most of the time of the suite, so a table is one test.
BAD_QUERIES = (
    "/api/v1/market", "/api/v1/markets?marketType=X", "/api/v1/klines?symbol=SOL_USDC&interval=1m",
    "/api/v1/klines?symbol=SOL_USDC&interval=2m&startTime=1",
    "/api/v1/klines?symbol=SOL_USDC&interval=1m&startTime=x",
    "/api/v1/klines?symbol=SOL_USDC&interval=1month&startTime=99999999999999999",
    "/api/v1/trades/history?symbol=SOL_USDC&limit=1001", "/api/v1/trades/history?symbol=SOL_USDC&limit=0",
    "/api/v1/trades/history?symbol=SOL_USDC&limit=-1", "/api/v1/trades/history?symbol=SOL_USDC&symbol=BTC_USDC",
    "/api/v1/depth", "/api/v1/depth?symbol=SOL_USDC&limit=7", "/api/v1/ticker?symbol=SOL_USDC&interval=1m",
    "/api/v1/trades?symbol=SOL_USDC&limit=%EF%BC%91",
)  # fmt: skip
UNKNOWN_SYMBOLS = ("sol_usdc", "DOGE_USDC", "%00", "%ff", "..%2f", "SOL_USDC%00", "x" * 3000)
ODD_REQUESTS = (
    ("GET", "/api", 404), ("GET", "/api/", 404), ("GET", "/api/v1/nothing", 404), ("POST", "/wapi/v2/x", 404),
    ("GET", "/api/v1/depth/", 404), ("GET", "/api/v1/order/1/2", 404), ("PUT", "/api/v1/order", 405),
    ("PATCH", "/api/v1/orders", 405), ("POST", "/api/v1/depth", 405), ("POST", "/api/v1/markets", 405),
    ("DELETE", "/wapi/v1/history/fills", 405), ("TRACE", "/api/v1/time", 405), ("BREW", "/api/v1/markets", 405),
)  # fmt: skip


async def test_bad_queries() -> None:
    for path in BAD_QUERIES:
        assert_refused(await ask("GET", path), 400, "INVALID_CLIENT_REQUEST")


async def test_unknown_symbols() -> None:
    for symbol in UNKNOWN_SYMBOLS:
        assert_refused(await ask("GET", f"/api/v1/market?symbol={symbol}"), 400, "INVALID_SYMBOL")


async def test_json_whatever_is_asked() -> None:
    for method, path, status in ODD_REQUESTS:
        code = "RESOURCE_NOT_FOUND" if status == 404 else "INVALID_CLIENT_REQUEST"
        response = await ask(method, path)
        assert_refused(response, status, code)
        assert "Allow" in response.headers or status == 404


async def test_public_routes_are_open_to_other_origins_and_private_ones_are_not() -> None:
    for path in ("/api/v1/markets", "/api/v1/time"):
        assert (await ask("GET", path)).headers["Access-Control-Allow-Origin"] == "*"
        preflight = await ask("OPTIONS", path, headers={"Origin": "https://other.example"})
        assert (preflight.status_code, preflight.headers["Access-Control-Allow-Origin"]) == (204, "*")
    for path in ("/api/v1/capital", "/api/v1/order"):
        assert "Access-Control-Allow-Origin" not in (await ask("GET", path)).headers


async def test_a_private_route_does_not_describe_itself(alice: Trader) -> None:
    for path in ("/api/v1/capital", "/api/v1/account", "/api/v1/order", "/api/v1/order/1", "/wapi/v1/history/fills"):
        for response in (await ask("OPTIONS", path), await alice.ask("OPTIONS", path)):
            assert_refused(response, 405, "INVALID_CLIENT_REQUEST")
            assert "OPTIONS" not in response.headers["Allow"]


async def test_time_and_ping_are_plain_text() -> None:
    for path, text in (("/api/v1/ping", str.isalpha), ("/api/v1/time", str.isdigit)):
        response = await ask("GET", path)
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert text(response.text)


async def test_status_and_health_follow_the_engine(log: Any) -> None:
    assert (await ask("GET", "/api/v1/status")).json()["status"] == "Maintenance"
    ready = await ask("GET", "/readyz")
    assert (ready.status_code, ready.json()["missing"]) == (503, ["engine"])
    FakeEngine(log)
    assert (await ask("GET", "/api/v1/status")).json() == {"status": "Ok", "message": None}
    assert (await ask("GET", "/readyz")).json()["missing"] == []
    assert (await ask("GET", "/healthz")).status_code == 200


async def test_a_foreign_host_is_refused_in_json() -> None:
    response = await ask("GET", "/api/v1/markets", headers={"Host": "evil.example"})
    assert_refused(response, 400, "INVALID_CLIENT_REQUEST")


async def test_both_lanes_write_an_order_alike(alice: Trader, rows: Market) -> None:
    """The engine's answer on the fast lane and the database's on the other: the same bytes for the same order."""
    view = OrderView(
        order_id=1, account_id=alice.account.pk, market="SOL_USDC", side=Side.BID, order_type=OrderType.LIMIT,
        status=OrderStatus.NEW, price_ticks=2015, quantity_lots=50, quote_units=None, executed_lots=0,
        executed_quote_units=0, time_in_force=TimeInForce.GTC, post_only=False,
        self_trade_prevention=SelfTradePrevention.REJECT_TAKER, client_id=7, created_at_ms=1769903999123,
    )  # fmt: skip
    response = await alice.ask("GET", "/api/v1/order/1")
    assert response.content == json_response(order_object(view, rows.spec())).body


async def test_a_read_waits_for_the_writer(alice: Trader, log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """g23: what the engine has answered by now is in the answer."""
    FakeEngine(log)
    log.hset("eng", "n", 100)
    positions = iter([50, 99, 100])
    monkeypatch.setattr(freshness, "_database_n", lambda: next(positions))
    assert (await alice.ask("GET", "/api/v1/orders")).headers["X-Outcome"] == "100"


async def test_a_read_does_not_wait_for_ever(alice: Trader, log: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeEngine(log)
    log.hset("eng", "n", FAR_N + 1)
    monkeypatch.setattr(freshness, "WAIT_S", 0.05)
    assert (await alice.ask("GET", "/api/v1/orders")).headers["X-Outcome"] == str(FAR_N)


def test_a_float_never_leaves() -> None:
    with pytest.raises(TypeError):
        exact({"price": 20.15})
