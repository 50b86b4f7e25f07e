"""The signer's figures."""

from exchange_site.kernel.metrics import SLOW_SECONDS, Counter, Gauge, Histogram

payments = Counter("exchange_signer_payments", "Withdrawals sent to a chain for the first time")
failures = Counter("exchange_signer_failures", "Rounds the database did not let it finish")
round_seconds = Histogram("exchange_signer_round_seconds", "One look at what is to be signed", buckets=SLOW_SECONDS)
last_round = Gauge("exchange_signer_round_timestamp_seconds", "When it last looked")
remembered = Gauge("exchange_signer_remembered_payments", "Payments its journal remembers")
