"""How long a proof takes and what memory, for 100,000 customers with four assets: `--nightly -s` shows the figures."""

import resource
import time
import tracemalloc

import pytest
from django.db import connection

from trading.liabilities import proving
from trading.liabilities.paths import proof_of
from trading.models import Checkpoint
from trading.writer.store import CHECKPOINT

CUSTOMERS = 100_000
MAX_PEAK_BYTES = 100 * 1024 * 1024

FILL = """
INSERT INTO accounts_user (id, password, email, is_superuser, is_staff, is_active, date_joined, first_name, last_name)
SELECT 1000000 + i, '', 'c' || i || '@example.org', false, false, true, now(), '', '' FROM generate_series(1, %(n)s) i;
INSERT INTO accounts_account (id, user_id, kind, created_at)
SELECT 5000000000 + i * 977, 1000000 + i, 'user', now() FROM generate_series(1, %(n)s) i;
INSERT INTO marketdata_asset (symbol, name, decimals, blockchain, created_at)
SELECT 'COIN' || a, 'Coin', 9, 'Solana', now() FROM generate_series(1, 4) a;
INSERT INTO accounts_balance (account_id, asset_id, available_units, locked_units)
SELECT acc.id, ass.id, (random() * 1e12)::bigint + 1, (random() * 1e9)::bigint
FROM accounts_account acc, marketdata_asset ass WHERE acc.kind = 'user';
"""


@pytest.mark.parametrize("traced", [False, True], ids=["time", "memory"])
def test_a_hundred_thousand_customers(transactional_db, pytestconfig, traced):
    if not pytestconfig.getoption("--nightly", default=False):
        pytest.skip("Takes half a minute; runs with --nightly.")
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"n": CUSTOMERS})
    Checkpoint.objects.update_or_create(name=CHECKPOINT, defaults={"n": 9, "at_ms": 1_790_000_000_000})
    if traced:
        tracemalloc.start()
    begin = time.perf_counter()
    proof = proving.prove()[0]
    took = time.perf_counter() - begin
    if traced:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        print(f"\nmemory at the peak: {peak / 2**20:.0f} MiB above the start")  # noqa: T201 - the figures are what it is for.
        assert peak < MAX_PEAK_BYTES
        return
    begin = time.perf_counter()
    found = proof_of(5_000_000_977, proof)
    path_took = time.perf_counter() - begin
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('trading_liabilitychunk')")
        stored = cursor.fetchone()[0]
    print(  # noqa: T201
        f"\n{CUSTOMERS} customers, 4 assets: proof {took:.1f} s, a customer's paths {path_took * 1000:.0f} ms, "
        f"{stored / 2**20:.1f} MiB stored, largest size of the process {rss} MiB"
    )
    assert len(found["leaves"]) == 4
    assert [len(leaf["path"]) for leaf in found["leaves"]] == [17] * 4
