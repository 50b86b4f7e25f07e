"""The average cost of what is held: newest lots first, fees counted, and silence where nothing is known."""

from datetime import UTC, datetime
from itertools import count

import pytest

from accounts.models import OUTSIDE_ACCOUNT_ID, LedgerPosting
from accounts.services import create_user
from accounts.site.average_cost import average_costs
from marketdata.models import Asset

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
USDC, SOL = 10**6, 10**9  # Units of one coin.


@pytest.fixture
def assets():
    named = {"SOL": ("Solana", 9), "USDC": ("USD Coin", 6), "BTC": ("Bitcoin", 8)}
    return {
        symbol: Asset.objects.create(symbol=symbol, name=name, decimals=decimals, blockchain="Solana")
        for symbol, (name, decimals) in named.items()
    }


@pytest.fixture
def event(assets):
    """One event of an account: `(kind, asset, units)` of each leg; the outside world has the other legs."""
    owner, numbers = create_user("alice@example.org", "correct horse battery").account, count(1)

    def happen(*legs):
        seq = next(numbers)
        rows = [(owner.pk, *leg) for leg in legs] + [(OUTSIDE_ACCOUNT_ID, k, asset, -units) for k, asset, units in legs]
        LedgerPosting.objects.bulk_create(
            LedgerPosting(
                id=seq * 8 + at, seq=seq, at=NOON, kind=kind, account_id=who, asset=assets[asset], units=units
            )
            for at, (who, kind, asset, units) in enumerate(rows)
        )

    def cost(sol_units):
        found = average_costs(owner.pk, {assets["SOL"].pk: sol_units}, assets["USDC"].pk).get(assets["SOL"].pk)
        return found and (found.units, found.paid_units)

    happen.cost = cost
    return happen


def buy(event, sol, usdc, fee=0):
    event(("trade", "SOL", sol), ("trade", "USDC", -usdc), ("fee", "SOL", -fee))


def test_a_purchase_costs_what_was_paid_and_brings_what_arrived(event):
    buy(event, 2 * SOL, 300 * USDC, fee=SOL // 100)
    assert event.cost(2 * SOL - SOL // 100) == (2 * SOL - SOL // 100, 300 * USDC)


def test_what_came_first_leaves_first(event):
    buy(event, 2 * SOL, 200 * USDC)
    buy(event, 2 * SOL, 400 * USDC)
    event(("trade", "SOL", -2 * SOL), ("trade", "USDC", 500 * USDC))
    assert event.cost(2 * SOL) == (2 * SOL, 400 * USDC)
    event(("trade", "SOL", -SOL), ("trade", "USDC", 250 * USDC))
    assert event.cost(SOL) == (SOL, 200 * USDC)


def test_what_came_from_outside_or_for_another_asset_has_no_known_cost(event):
    event(("deposit", "SOL", 3 * SOL))
    assert event.cost(3 * SOL) is None
    event(("trade", "SOL", SOL), ("trade", "BTC", -100_000))
    buy(event, SOL, 150 * USDC)
    assert event.cost(5 * SOL) == (SOL, 150 * USDC)


def test_an_amount_whose_lots_are_not_found_has_none(event):
    buy(event, SOL, 150 * USDC)
    assert event.cost(2 * SOL) is None
