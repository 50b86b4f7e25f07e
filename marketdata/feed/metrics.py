"""A feed's figures, counted once per read."""

from exchange_site.kernel.metrics import FAST_SECONDS, Counter, Gauge, Histogram

outcomes = Counter("exchange_feed_outcomes", "Outcomes applied", ["feed"])
batches = Counter("exchange_feed_batches", "Batches published", ["feed"])
batch_bytes = Counter("exchange_feed_batch_bytes", "Bytes published", ["feed"])
restarts = Counter("exchange_feed_restarts", "Times the feed began again from the database", ["feed"])
apply_seconds = Histogram(
    "exchange_feed_apply_seconds", "Applying what one read brought", ["feed"], buckets=FAST_SECONDS
)
position = Gauge("exchange_feed_outcome_number", "Last outcome applied", ["feed"])
