"""What the web process counts of engines. Their names are those of the registry and the settings: few."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from inference.routing.attempt import Attempted

_SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)

PARTS = Counter(
    "footnote_engine_answers_total",
    "Parts of answers by engine; result: done, stopped, overtaken by another engine, or the code of the error",
    ["engine", "result"],
)
FIRST_TOKEN = Histogram("footnote_engine_first_token_seconds", "Until the first text", ["engine"], buckets=_SECONDS)
TOKENS = Counter("footnote_engine_tokens_total", "As the engine counts them", ["engine", "kind"])
UNDER_WAY = Gauge("footnote_engine_under_way", "Answers that the engine is writing for this process", ["engine"])
OPEN = Gauge(
    "footnote_engine_breakers_open", "Copies of the engine that failed and did not answer since then", ["engine"]
)


def ended(one: Attempted) -> None:
    PARTS.labels(one.engine, one.code or "done").inc()
    if one.first_token_ms is not None:
        FIRST_TOKEN.labels(one.engine).observe(one.first_token_ms / 1000)
    if one.usage:
        TOKENS.labels(one.engine, "prompt").inc(one.usage.prompt_tokens)
        TOKENS.labels(one.engine, "completion").inc(one.usage.completion_tokens)
