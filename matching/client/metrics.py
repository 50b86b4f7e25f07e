"""Figures of whoever sends commands to the engine."""

from exchange_site.kernel.metrics import FAST_SECONDS, Counter, Histogram

answers = Counter("exchange_gateway_answers", "Answers of the engine that arrived here")
refused = Counter("exchange_gateway_refused_commands", "Commands not let in", ["reason"])
unknown = Counter("exchange_gateway_unknown_commands", "Commands without an answer in time")
answer_seconds = Histogram(
    "exchange_gateway_answer_seconds", "From sending a command to its answer (one sample each read)",
    buckets=FAST_SECONDS,
)  # fmt: skip
