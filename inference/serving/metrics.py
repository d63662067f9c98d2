"""What the model service counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from inference.batching.contract import Ended, StepReport

_STEP_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)

FIRST_TOKEN = Histogram("footnote_model_first_token_seconds", "From request to first token", ["model"])
BETWEEN_TOKENS = Histogram(
    "footnote_model_inter_token_seconds", "Between two pieces of an answer", ["model"], buckets=_STEP_BUCKETS
)
TOKENS = Counter("footnote_model_tokens_total", "Tokens: of prompts, of them reused, written, drafted, kept", ["kind"])
ENDED = Counter("footnote_model_answers_total", "Answers by how they ended", ["model", "reason"])
STEP = Histogram("footnote_model_step_seconds", "One batch of the scheduler", ["model"], buckets=_STEP_BUCKETS)
OWN_COST = Counter("footnote_model_scheduler_seconds_total", "What scheduling itself takes, of the steps", ["model"])
ROWS = Histogram(
    "footnote_model_batch_rows", "Tokens of a batch", ["model"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 512)
)
WAITING = Gauge("footnote_model_waiting", "Requests that wait for a slot", ["model"])
ACTIVE = Gauge("footnote_model_active", "Requests that have a slot", ["model"])
LOADED = Gauge("footnote_model_loaded_bytes", "Memory that a loaded model was planned with", ["model"])
HAND_OVER = Histogram(
    "footnote_model_hand_over_seconds", "From the end of a step to the event loop", buckets=_STEP_BUCKETS
)


def observe(model: str, report: StepReport) -> None:
    WAITING.labels(model).set(report.queued)
    ACTIVE.labels(model).set(report.active)
    if report.rows:
        STEP.labels(model).observe(report.total_s)
        ROWS.labels(model).observe(report.rows)
        OWN_COST.labels(model).inc(max(0.0, report.total_s - report.decode_s - report.sample_s))
    for _, event in report.events:
        if isinstance(event, Ended):
            count(model, event)


def count(model: str, ended: Ended) -> None:
    ENDED.labels(model, ended.reason).inc()
    TOKENS.labels("prompt").inc(ended.prompt_tokens)
    TOKENS.labels("cached").inc(ended.cached_tokens)
    TOKENS.labels("completion").inc(ended.completion_tokens)
    TOKENS.labels("drafted").inc(ended.drafted_tokens)
    TOKENS.labels("accepted").inc(ended.accepted_tokens)
