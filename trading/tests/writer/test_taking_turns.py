"""Two writers that take turns: what one remembers of the rows must not outlive the other's transactions (G6)."""

import pytest

from matching.client.event_log import EventReader
from matching.tests.flows import random_commands
from trading.tests.writer.test_writing import check_candles
from trading.writer.projector import Projector
from trading.writer.store import WriterStore

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("rows")]


def test_g06_a_position_read_anew_makes_everything_remembered_new(published, log):
    """As after a gap in the event stream, where the writer only asks for the position again."""
    published.run(random_commands(seed=4, count=400))
    stores = [WriterStore(), WriterStore()]
    try:
        for turn in range(1_000):
            store = stores[turn % 2]
            position = store.position()
            batches = EventReader(log).read(position.n, block_ms=0, max_entries=1)
            if not batches:
                break
            changes = Projector(store.references).project(batches[0].outcomes)
            assert store.write(position, changes, batches[0].chain) is not None
        assert turn > 5
    finally:
        for store in stores:
            store.close()
    check_candles(published)
