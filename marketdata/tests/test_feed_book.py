"""Old snapshot + differences = new snapshot, however the differences are put together."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.feed.book import BookCollector, BookMirror, BookMismatch, BookSide
from marketdata.feed.messages import BookDiff, BookImage, Figures, MarketNumbers, TickerFigures, decode_image
from marketdata.feed.state import FeedStart, MarketFeedState, MarketStart
from marketdata.hub import LiveMarket, book_of
from matching.tests.venue import SPEC, Venue

LEVELS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), max_size=6, unique_by=lambda level: level[0])
CHANGES = st.lists(st.tuples(LEVELS, LEVELS), max_size=60)


def books_after(changes: list[tuple[list, list]]) -> Iterator[tuple[dict, dict]]:
    """The slow and obvious book: two dicts."""
    bids: dict[int, int] = {}
    asks: dict[int, int] = {}
    yield {}, {}
    for bid_changes, ask_changes in changes:
        for side, levels in ((bids, bid_changes), (asks, ask_changes)):
            for price, lots in levels:
                side[price] = lots
        yield {p: q for p, q in bids.items() if q}, {p: q for p, q in asks.items() if q}


@given(changes=CHANGES, data=st.data())
def test_g17_an_old_snapshot_and_the_differences_are_the_new_snapshot(changes, data):
    expected = list(books_after(changes))
    start = data.draw(st.integers(0, len(changes)))
    mirror = BookMirror(start)
    for side, levels in ((mirror.bids, expected[start][0]), (mirror.asks, expected[start][1])):
        for price, lots in levels.items():
            side.set(price, lots)
    collector = BookCollector()
    for number in range(start, len(changes)):
        bids, asks = changes[number]
        collector.add(number + 1, number + 1, bids, asks, number)
        if data.draw(st.booleans()) or number == len(changes) - 1:
            mirror.apply(collector.first_id, collector.last_id, collector.bids.items(), collector.asks.items(), number)
            collector.clear()
    assert mirror.update_id == len(changes)
    assert dict(mirror.bids.top(1000)) == expected[-1][0]
    assert dict(mirror.asks.top(1000)) == expected[-1][1]
    assert mirror.bids.prices == sorted(expected[-1][0])
    assert mirror.asks.prices == sorted(expected[-1][1])


@pytest.mark.parametrize(("first_id", "last_id"), [(9, 9), (10, 10), (12, 12), (11, 10)])
def test_a_difference_that_does_not_follow_is_refused(first_id, last_id):
    mirror = BookMirror(10)
    with pytest.raises(BookMismatch):
        mirror.apply(first_id, last_id, [], [], 0)


def test_the_best_levels_are_kept_by_a_limit_and_ascend():
    bids, asks = BookSide(True, [(3, 1), (1, 1), (2, 1)]), BookSide(False, [(9, 1), (7, 1), (8, 1)])
    assert bids.top(2) == [(2, 1), (3, 1)]
    assert asks.top(2) == [(7, 1), (8, 1)]
    assert bids.best() == (3, 1)
    assert asks.best() == (7, 1)
    assert BookSide(True).best() is None


def test_the_feed_keeps_the_book_the_engine_has():
    venue = Venue(max_open_orders=10_000)
    venue.fund("alice", SOL="100000", USDC="10000000").fund("bob", SOL="100000", USDC="10000000")
    state = MarketFeedState(FeedStart(venue.engine.n, 0, {"SOL": 9, "USDC": 6}, [MarketStart(SPEC)]))
    dice = random.Random(7)
    for _ in range(1500):
        who = dice.choice(["alice", "bob"])
        if dice.random() < 0.02:
            venue.run(f"{who} cancel all")
        else:
            side, price = dice.choice(["buy", "sell"]), dice.randrange(9_950, 10_050)
            venue.run(f"{who} {side} {dice.randrange(1, 50)} @ {price // 100}.{price % 100:02d}")
    state.apply(answer.outcome for answer in venue.answers)
    image = decode_image(state.images()[SPEC.symbol])
    market = venue.engine.markets[SPEC.symbol]
    assert image.bids == sorted((level.price_ticks, level.lots) for level in market.bids.best_first())
    assert image.asks == sorted((level.price_ticks, level.lots) for level in market.asks.best_first())
    assert image.bids
    assert image.asks


def image_of(bids, asks, update_id=0, bids_cut=False, asks_cut=False):
    figures = TickerFigures(SPEC.symbol, Figures(), Figures())
    return BookImage(MarketNumbers.of(SPEC), update_id, 0, bids, asks, bids_cut, asks_cut, figures, [])


def test_a_book_from_a_cut_image_never_has_holes():
    book = book_of(image_of([(5, 1), (6, 1)], [(8, 1), (9, 1)], bids_cut=True, asks_cut=True))
    book.apply(1, 1, [(4, 3), (5, 2)], [(10, 3), (9, 0)], 0)  # 4 and 10 lie behind the edges.
    assert book.bids.top(10) == [(5, 2), (6, 1)]
    assert book.asks.top(10) == [(8, 1)]


def test_a_cut_book_is_filled_up_from_a_newer_image():
    market = LiveMarket(image_of([(5, 1), (6, 1)], [], bids_cut=True))
    assert market.runs_short
    market.apply(BookDiff(SPEC.symbol, 1, 1, 0, [(6, 0)], []))
    market.apply(BookDiff(SPEC.symbol, 2, 3, 0, [(7, 4)], []))
    assert not market.refill(image_of([(1, 1)], [], update_id=9)), "an image from the future does not meet our changes"
    assert market.refill(image_of([(3, 1), (5, 1)], [], update_id=1))
    assert market.book.bids.top(10) == [(3, 1), (5, 1), (7, 4)]
    assert market.book.update_id == 3
    assert not market.runs_short


def test_numbers_of_a_market_survive_the_wire():
    assert MarketNumbers.of(SPEC).spec() == SPEC
