"""Alice and Bob have coins and money, Carol a little less; every story begins like this."""

import pytest

from matching.tests.venue import Venue


@pytest.fixture
def venue() -> Venue:
    venue = Venue()
    for name in ("alice", "bob"):
        venue.fund(name, SOL="1000", USDC="100000")
    return venue.fund("carol", SOL="100", USDC="10000")


@pytest.fixture
def traded(venue: Venue) -> Venue:
    """The last price is 100."""
    venue.run("alice sell 1 @ 100", "bob buy 1 @ 100")
    venue.trades.clear()
    return venue
