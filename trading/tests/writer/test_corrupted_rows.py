"""G22: a row of any kind that was corrupted or removed by hand is named by the comparison, and stops the wallet."""

import pytest

from accounts.tests.unguarded import unguarded
from accounts.wallet import alarms
from trading.tests.writer.damage import DAMAGES
from trading.tests.writer.test_reconciling import found, look, venue

__all__ = ["venue"]  # A fixture.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_row_corrupted_by_hand_is_named_and_stops_the_wallet(venue, damage):
    with unguarded():
        sentence = damage()
    row = look()
    assert row.equal is False
    assert sentence in found(row)
    assert alarms.stopped_by() is not None
