"""How fast a large file comes and what memory it takes: `--nightly -s` shows the figures."""

import time
import tracemalloc

import pytest
from django.db import connection

from trading.tests.history.rig import log_in

ROWS = 300_000
MAX_PEAK_BYTES = 30 * 1024 * 1024
FILL = """
INSERT INTO accounts_ledgerposting (id, seq, at, kind, account_id, asset_id, units, reference)
SELECT (1000000 + i) * 8 + leg, 1000000 + i, now(), 'credit', CASE leg WHEN 0 THEN 1 ELSE %(account)s END, %(asset)s,
       CASE leg WHEN 0 THEN -i ELSE i END, 'gift'
FROM generate_series(1, %(rows)s) i, generate_series(0, 1) leg
"""


def test_a_large_file_is_streamed(client, story, pytestconfig):
    if not pytestconfig.getoption("--nightly", default=False):
        pytest.skip("Takes half a minute; runs with --nightly.")
    alice = story.people["alice"]
    asset = alice.balances.first().asset_id
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"account": alice.pk, "asset": asset, "rows": ROWS})
    log_in(client, alice)
    begin = time.perf_counter()
    size = sum(len(piece) for piece in client.get("/history/ledger.csv").streaming_content)
    took = time.perf_counter() - begin
    tracemalloc.start()
    lines = sum(piece.count(b"\r\n") for piece in client.get("/history/ledger.csv?kind=credit").streaming_content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(  # noqa: T201 - the figures are what it is for.
        f"\n{ROWS} rows: {size / 2**20:.0f} MiB in {took:.1f} s, {ROWS / took:.0f} rows/s, "
        f"memory at the peak {peak / 2**20:.1f} MiB above the start"
    )
    assert lines >= ROWS
    assert peak < MAX_PEAK_BYTES
