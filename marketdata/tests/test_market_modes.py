"""What a market takes and its auctions, from events to the stream and the REST answer."""

import json

from django.utils import timezone

from marketdata.api.shapes import market_object
from marketdata.feed import frames
from marketdata.feed.messages import MarketMode, decode_image, decode_market_batch, encode
from marketdata.feed.state import FeedStart, MarketFeedState, MarketStart
from marketdata.hub import LiveMarket, MarketHub
from marketdata.models import Asset, Market
from marketdata.tests.feed_rig import eventually
from marketdata.tests.test_hub import Listener
from matching import messages as m
from matching.tests.venue import SPEC

STAFF = {"actor": "eve", "reason": "opening"}
AT = 1_750_000_000_123
ENDS = AT + 60_000
STARTED = m.AuctionStarted(market=SPEC.symbol, ends_at_ms=ENDS, reason="The price left its band")
INDICATED = m.AuctionIndicated(market=SPEC.symbol, price_ticks=2040, lots=150, surplus_lots=-30)
ENDED = m.AuctionEnded(market=SPEC.symbol, price_ticks=2041, lots=170)


def state_change(state: m.MarketState) -> m.MarketStateChanged:
    return m.MarketStateChanged(market=SPEC.symbol, state=state, **STAFF)


def feed() -> MarketFeedState:
    return MarketFeedState(FeedStart(0, 0, {}, [MarketStart(SPEC)]))


def modes(state: MarketFeedState, *events) -> list[MarketMode]:
    state.apply([m.Outcome(state.n + 1, 1, AT + state.n, "1-0/0", list(events))])
    return state.flush(AT).modes


def test_an_auction_is_told_from_its_start_to_its_price():
    state = feed()
    assert modes(state, state_change(m.MarketState.AUCTION), STARTED) == [
        MarketMode(SPEC.symbol, "Auction", AT, True, ENDS, "The price left its band")
    ]
    assert modes(state, INDICATED) == [
        MarketMode(SPEC.symbol, "Auction", AT + 1, True, ENDS, "The price left its band", 2040, 150, -30)
    ]
    assert modes(state) == []
    [ended] = modes(state, ENDED, state_change(m.MarketState.OPEN))
    assert (ended.state, ended.collecting, ended.price_ticks, ended.lots) == ("Open", False, 2041, 170)
    assert ended.ends_at_ms is None


def test_a_batch_tells_only_the_newest_and_an_image_has_it():
    state = feed()
    [mode] = modes(state, STARTED, INDICATED, state_change(m.MarketState.CANCEL_ONLY))
    assert (mode.state, mode.collecting, mode.ends_at_ms) == ("CancelOnly", False, None)
    image = decode_image(state.images()[SPEC.symbol])
    assert image.mode == mode
    assert LiveMarket(image).mode == mode


def test_a_feed_that_takes_over_tells_the_mode_again_or_stays_silent():
    state = feed()
    outcome = m.Outcome(1, 1, AT, "1-0/0", [STARTED])
    state.apply([outcome])
    state.forget()
    state.apply([m.Outcome(2, 2, AT, "1-0/1", [])])
    assert state.flush(AT).modes == []
    state.recall([outcome], 0)
    assert [mode.collecting for mode in state.flush(AT).modes] == [True]


def test_frames_and_answer():
    mode = MarketMode(SPEC.symbol, "Auction", AT, True, ENDS, "why", 2040, 150, -30)
    assert frames.auction(SPEC, mode, 5) == (
        b'{"e":"auction","E":5,"s":"SOL_USDC","X":"Auction","C":true,"D":1750000060123,"p":"20.40","q":"1.50",'
        b'"i":"-0.30","R":"why","T":1750000000123000}'
    )
    assert frames.auction_answer(SPEC, mode) == {
        "symbol": "SOL_USDC", "state": "Auction", "collecting": True, "endsAt": ENDS, "reason": "why",
        "indicativePrice": "20.4", "indicativeQuantity": "1.5", "surplusQuantity": "-0.3", "timestamp": AT * 1000,
    }  # fmt: skip
    nothing = frames.auction_answer(SPEC, MarketMode(SPEC.symbol, "Auction", AT, True))
    assert (nothing["indicativePrice"], nothing["indicativeQuantity"]) == (None, "0")
    over = frames.auction_answer(SPEC, MarketMode(SPEC.symbol, "Open", AT, False, None, "", 2041, 170))
    assert (over["indicativePrice"], over["endsAt"], over["reason"]) == (None, None, None)


async def test_a_socket_hears_the_auction_and_rest_answers_it():
    hub = MarketHub()
    state = feed()
    hub._markets = {SPEC.symbol: LiveMarket(decode_image(state.images(again=True)[SPEC.symbol]))}
    listener = Listener(hub, "auction.SOL_USDC")
    assert hub.auction(SPEC.symbol)["state"] == "Open"
    state.apply([m.Outcome(1, 1, AT, "1-0/0", [STARTED, INDICATED])])
    await hub.handle(decode_market_batch(encode(state.flush(AT))))
    assert hub.auction(SPEC.symbol)["indicativePrice"] == "20.4"
    await eventually(lambda: listener.texts)
    assert json.loads(listener.texts[0])["stream"] == "auction.SOL_USDC"
    assert listener.data("auction.SOL_USDC")[0]["q"] == "1.50"


def market(**more) -> Market:
    sol, usdc = Asset(symbol="SOL", decimals=9), Asset(symbol="USDC", decimals=6)
    cent = "0.01"
    row = Market(symbol="SOL_USDC", base=sol, quote=usdc, tick_size=cent, step_size=cent, min_quantity=cent, **more)
    row.created_at = timezone.now()
    return row


def test_limits_are_filters_in_the_public_words():
    bounds = {"min_price_ppm": 250_000, "max_price_ppm": 2_000_000, "max_impact_ppm": 1_010_000, "band_ppm": 50_000}
    shown = market_object(market(max_quantity_lots=90_000, min_notional_units=1_500_000, state="Auction", **bounds))
    price = shown["filters"]["price"]
    assert (price["minMultiplier"], price["maxMultiplier"], price["maxImpactMultiplier"]) == ("0.25", "2", "1.01")
    assert price["minImpactMultiplier"] is None
    assert shown["filters"]["quantity"]["maxQuantity"] == "900"
    assert (shown["orderBookState"], shown["marketState"]) == ("LimitOnly", "Auction")
    assert (shown["minNotional"], shown["priceBand"]) == ("1.5", "0.05")


def test_a_market_without_limits_says_null():
    shown = market_object(market())
    assert shown["orderBookState"] == "Open"
    assert not any(
        shown["filters"]["price"][f"{which}Multiplier"] for which in ("min", "max", "minImpact", "maxImpact")
    )
    assert (shown["filters"]["quantity"]["maxQuantity"], shown["minNotional"]) == (None, None)
