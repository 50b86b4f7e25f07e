"""The database writer's figures, counted once per transaction."""

from exchange_site.kernel.metrics import SIZES, SLOW_SECONDS, Counter, Gauge, Histogram

outcomes = Counter("exchange_writer_outcomes", "Outcomes committed to PostgreSQL")
transactions = Counter("exchange_writer_transactions", "Transactions committed")
failures = Counter("exchange_writer_failures", "Times PostgreSQL or Redis was away")
transaction_seconds = Histogram(
    "exchange_writer_transaction_seconds", "Projecting and committing one transaction", buckets=SLOW_SECONDS
)
transaction_outcomes = Histogram("exchange_writer_transaction_outcomes", "Outcomes of one transaction", buckets=SIZES)
last_commit = Gauge("exchange_writer_commit_timestamp_seconds", "When the last transaction was committed")
position = Gauge("exchange_writer_outcome_number", "Last outcome in PostgreSQL")


def committed(count: int, n: int, seconds: float) -> None:
    outcomes.inc(count)
    transactions.inc()
    transaction_seconds.observe(seconds)
    transaction_outcomes.observe(count)
    last_commit.set_to_current_time()
    position.set(n)
