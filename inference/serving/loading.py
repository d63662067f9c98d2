"""From a model file to a thread that answers with it. What did not come to its end leaves nothing in memory."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from starlette.concurrency import run_in_threadpool

from inference.batching.scheduler import Limits
from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable
from inference.llama.fitting import Needed, Weight, needed
from inference.serving import metrics
from inference.serving.file_version import FileVersion, version_of
from inference.serving.load_notes import LoadNotes
from inference.serving.model_thread import ModelThread

if TYPE_CHECKING:
    from inference.llama.context import LlamaContext
    from inference.llama.model import LlamaModel

log = structlog.get_logger(__name__)

_BATCH_TOKENS = 512  # at most, of one step
SPARE_SEQUENCES = 2  # keep starts of prompts while all streams are in use


@dataclass(eq=False)
class Loaded:
    installed: LocalModel
    version: FileVersion
    model: LlamaModel
    thread: ModelThread
    needs: Needed
    users: int = 0
    since: float = field(default_factory=time.monotonic)
    used: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of a model goes where."""

    streams: int
    gpu_layers: int
    needs: Needed


class Loader:
    def __init__(self, config: InferenceConfig) -> None:
        self._config = config
        self._notes = LoadNotes(config)

    async def weigh(self, wanted: LocalModel, version: FileVersion) -> Weight:
        """Raises ModelFileRejected."""
        return await run_in_threadpool(self._weigh, wanted, version)

    def close(self) -> None:
        """Before the process ends, also where a load is still under way."""
        self._notes.close()

    def fit(self, weight: Weight, streams: int, gpu_layers: int) -> Fit:
        needs = needed(
            weight,
            sequences=streams + SPARE_SEQUENCES,
            sequence_tokens=self._config.context_tokens,
            batch_tokens=_BATCH_TOKENS,
            gpu_layers=gpu_layers,
        )
        return Fit(streams, gpu_layers, needs)

    async def load(self, wanted: LocalModel, version: FileVersion, fit: Fit) -> Loaded:
        """Raises EngineUnavailable, ModelFileRejected."""
        begun = time.monotonic()
        model, context = await run_in_threadpool(self._noted, wanted, version, fit)
        try:
            thread = ModelThread(wanted.name, context, self._limits(fit.streams))
        except BaseException:
            context.close()
            model.close()
            raise
        metrics.LOADED.labels(wanted.name).set(fit.needs.machine)
        metrics.ON_GPU.labels(wanted.name).set(fit.needs.gpu)
        seconds = round(time.monotonic() - begun, 2)
        log.info("model.loaded", model=wanted.name, streams=fit.streams, gpu_layers=fit.gpu_layers, seconds=seconds)
        return Loaded(wanted, version, model, thread, fit.needs)

    def _weigh(self, wanted: LocalModel, version: FileVersion) -> Weight:
        from inference.llama.model import weigh

        with self._notes.loading(wanted.path, version, wholly=False):
            return weigh(wanted.path)

    def _noted(self, wanted: LocalModel, version: FileVersion, fit: Fit) -> tuple[LlamaModel, LlamaContext]:
        with self._notes.loading(wanted.path, version, wholly=True):
            return self._build(wanted, fit)

    def _build(self, wanted: LocalModel, fit: Fit) -> tuple[LlamaModel, LlamaContext]:
        from inference.llama.context import LlamaContext
        from inference.llama.model import LlamaModel

        model = LlamaModel(wanted.path, gpu_layers=fit.gpu_layers)
        try:
            context = LlamaContext(
                model,
                sequences=fit.streams + SPARE_SEQUENCES,
                sequence_tokens=self._config.context_tokens,
                threads=self._config.threads,
                batch_tokens=_BATCH_TOKENS,
                flash_attention=self._config.flash_attention,
            )
        except BaseException:
            model.close()
            raise
        return model, context

    def _limits(self, streams: int) -> Limits:
        return Limits(
            streams=streams,
            waiting=self._config.waiting,
            waiting_of_one_user=self._config.waiting_of_one_user,
            inter_token_s=self._config.inter_token_s,
            lookup=self._config.prompt_lookup,
        )


def unload(loaded: Loaded) -> None:
    """Blocks for seconds."""
    loaded.thread.close()
    loaded.model.close()
    log.info("model.unloaded", model=loaded.installed.name)


def file_version(model: LocalModel) -> FileVersion:
    try:
        return version_of(model.path)
    except OSError as error:
        raise EngineUnavailable("The model's file is gone.", detail=str(error)) from error
