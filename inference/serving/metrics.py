"""What the model service counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from inference.batching.contract import Ended, StepReport
from inference.errors import InferenceError

_STEP_BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0)
_FIRST_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

FIRST_TOKEN = Histogram(
    "footnote_model_first_token_seconds",
    "From request to first token, queue included",
    ["model"],
    buckets=_FIRST_BUCKETS,
)
BETWEEN_TOKENS = Histogram(
    "footnote_model_inter_token_seconds", "Between two pieces of an answer", ["model"], buckets=_STEP_BUCKETS
)
TOKENS = Counter(
    "footnote_model_tokens_total",
    "Tokens of ended answers: prompt, cached (of prompts, reused), completion, drafted, accepted (of drafts)",
    ["model", "kind"],
)
ENDED = Counter(
    "footnote_model_answers_total", "Answers by how they ended; an error's code names it", ["model", "reason"]
)
REFUSED = Counter("footnote_model_refused_total", "Requests that were refused before they waited", ["model", "code"])
STEP = Histogram("footnote_model_step_seconds", "One batch of the scheduler", ["model"], buckets=_STEP_BUCKETS)
DECODE = Counter("footnote_model_decode_seconds_total", "What llama.cpp takes of the steps to compute", ["model"])
SAMPLE = Counter("footnote_model_sample_seconds_total", "What choosing tokens takes of the steps", ["model"])
OWN_COST = Counter("footnote_model_scheduler_seconds_total", "What scheduling itself takes, of the steps", ["model"])
ROWS = Histogram("footnote_model_batch_rows", "Tokens of a batch", ["model"], buckets=_COUNTS)
STREAMS = Histogram("footnote_model_batch_streams", "Answers that gained a token in a step", ["model"], buckets=_COUNTS)
COMPUTED = Counter("footnote_model_computed_tokens_total", "Tokens computed: prefill or decode", ["model", "phase"])
WAITING = Gauge("footnote_model_waiting", "Requests that wait for a slot", ["model"])
ACTIVE = Gauge("footnote_model_active", "Requests that have a slot", ["model"])
KEPT = Gauge(
    "footnote_model_kv_tokens", "Tokens whose keys and values are held, for running and for coming answers", ["model"]
)
KEPT_ROOM = Gauge("footnote_model_kv_capacity_tokens", "Tokens that can be held", ["model"])
LOADED = Gauge("footnote_model_loaded_bytes", "Memory that a loaded model was planned with", ["model"])
ON_GPU = Gauge("footnote_model_gpu_bytes", "Of it, on GPUs", ["model"])
HAND_OVER = Histogram(
    "footnote_model_hand_over_seconds", "From the end of a step to the event loop", buckets=_STEP_BUCKETS
)


class ModelMetrics:
    """Those of one model, looked up once: a step takes milliseconds."""

    def __init__(self, model: str, *, room: int) -> None:
        self._model = model
        self.first_token, self.between_tokens = FIRST_TOKEN.labels(model), BETWEEN_TOKENS.labels(model)
        self._step, self._rows, self._streams = STEP.labels(model), ROWS.labels(model), STREAMS.labels(model)
        self._decode, self._sample, self._own = DECODE.labels(model), SAMPLE.labels(model), OWN_COST.labels(model)
        self._prefilled, self._decoded = COMPUTED.labels(model, "prefill"), COMPUTED.labels(model, "decode")
        self._waiting, self._active, self._kept = WAITING.labels(model), ACTIVE.labels(model), KEPT.labels(model)
        self._room, self._capacity = room, KEPT_ROOM.labels(model)

    def observe(self, report: StepReport, seconds: float) -> None:
        """`seconds` of the whole step, handing over included."""
        self._waiting.set(report.queued)
        self._active.set(report.active)
        self._kept.set(report.held_tokens)
        self._capacity.set(self._room)
        if report.rows:
            self._step.observe(seconds)
            self._rows.observe(report.rows)
            self._streams.observe(report.decoding)
            self._prefilled.inc(report.prompt_rows)
            self._decoded.inc(report.rows - report.prompt_rows)
            self._decode.inc(report.decode_s)
            self._sample.inc(report.sample_s)
            self._own.inc(max(0.0, seconds - report.decode_s - report.sample_s))
        for _, event in report.events:
            if isinstance(event, Ended):
                self._count(event)
            elif isinstance(event, InferenceError):
                ENDED.labels(self._model, event.code).inc()

    def refused(self, error: InferenceError) -> None:
        REFUSED.labels(self._model, error.code).inc()

    def gone(self) -> None:
        for gauge in (WAITING, ACTIVE, KEPT, KEPT_ROOM):
            gauge.labels(self._model).set(0)

    def _count(self, ended: Ended) -> None:
        ENDED.labels(self._model, ended.reason).inc()
        for kind, count in (
            ("prompt", ended.prompt_tokens),
            ("cached", ended.cached_tokens),
            ("completion", ended.completion_tokens),
            ("drafted", ended.drafted_tokens),
            ("accepted", ended.accepted_tokens),
        ):
            TOKENS.labels(self._model, kind).inc(count)
