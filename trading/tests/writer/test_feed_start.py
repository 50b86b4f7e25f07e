"""What the feeds read from the database is what they would have known had they followed every outcome."""

import msgspec
import pytest

from marketdata.feed.messages import MarketMode, decode_image
from marketdata.feed.state import FeedStart, MarketFeedState
from marketdata.models import Market
from matching.tests.flows import random_commands
from trading.feed_start import market_feed_state, user_feed_state
from trading.user_feed.state import UserFeedStart, UserFeedState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


def images_of(state: MarketFeedState, now_ms: int) -> dict:
    state.flush(now_ms)
    images = {symbol: decode_image(payload) for symbol, payload in state.images(again=True).items()}
    # The database does not know when a book changed last; a feed that starts says the checkpoint's time. Of an auction
    # it knows when it began, not when its figures changed, and nothing once it is over.
    return {symbol: msgspec.structs.replace(image, at_ms=0, mode=mode_of(image)) for symbol, image in images.items()}


def mode_of(image) -> MarketMode:
    if image.mode.collecting:
        return msgspec.structs.replace(image.mode, at_ms=0)
    return MarketMode(image.mode.market, image.mode.state, 0)


def by_market(items: list) -> list:
    return sorted(items, key=lambda item: item.market)


def test_a_market_feed_starts_with_the_books_figures_and_candles_it_would_have_made(published, writers):
    commands = list(random_commands(11, 1500))
    published.run(commands, ms_per_command=41_000)  # Some 17 hours.
    writers.run(published.engine.n)
    followed = MarketFeedState(FeedStart(0, 0, {}, []))
    followed.apply(published.outcomes)
    started = market_feed_state()
    assert (started.n, started.at_ms) == (followed.n, followed.at_ms)
    now_ms = published.at_ms
    assert images_of(started, now_ms) == images_of(followed, now_ms)

    more = published.run(list(random_commands(12, 300))[30:], ms_per_command=97)
    started.apply(more)
    followed.apply(more)
    later, expected = started.flush(now_ms + 60_000), followed.flush(now_ms + 60_000)
    assert by_market(later.books) == by_market(expected.books)
    assert by_market(later.trades) == by_market(expected.trades)
    assert later.trades
    assert by_market(later.tickers) == by_market(expected.tickers)
    told = {(c.market, c.interval, c.start_ms): c for c in later.candles}
    assert told == {(c.market, c.interval, c.start_ms): c for c in expected.candles}


def test_a_user_feed_starts_with_the_open_orders(published, writers):
    published.run(random_commands(13, 1500))
    writers.run(published.engine.n)
    followed = UserFeedState(UserFeedStart(0, 0, {}, []))
    followed.apply(published.outcomes)
    followed.flush(0)
    started = user_feed_state()
    assert started._orders == followed._orders
    assert started._orders
    more = published.run(list(random_commands(14, 300))[30:])
    started.apply(more)
    followed.apply(more)
    assert started.flush(0) == followed.flush(0)


def test_an_empty_database_is_the_state_before_everything():
    Market.objects.all().delete()
    assert (market_feed_state().n, user_feed_state().n) == (0, 0)
    assert market_feed_state().images() == {}


def test_a_market_that_is_not_listed_yet_is_unknown_until_the_engine_says_so():
    """The rows fixture's markets are configured, but no engine has heard of them."""
    assert market_feed_state().images() == {}
