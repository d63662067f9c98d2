"""Which models are in memory: loaded at need, within a budget, and let go when nobody asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

import structlog
from starlette.concurrency import run_in_threadpool

from inference.batching.scheduler import Limits
from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable, InferenceError
from inference.llama.fitting import Needed, Weight, layers_on_gpu, needed
from inference.serving import metrics
from inference.serving.memory import free_bytes
from inference.serving.model_thread import ModelThread

if TYPE_CHECKING:
    from inference.llama.context import LlamaContext
    from inference.llama.model import LlamaModel

log = structlog.get_logger(__name__)

_BATCH_TOKENS = 512  # at most, of one step
SPARE_SEQUENCES = 2  # keep starts of prompts while all streams are in use
_LOOK_S = 15.0

Installed = Callable[[], Sequence[LocalModel]]


class Gpu(Protocol):
    @property
    def free(self) -> int:
        """Bytes."""


Gpus = Callable[[], Sequence[Gpu]]


class UnknownModelName(InferenceError):
    code, http_status = "model_not_found", 404
    user_message = "There is no model of that name."
    advice = "`GET /v1/models` lists them."


@dataclass(eq=False)
class Loaded:
    installed: LocalModel
    version: tuple[int, int]  # of the file: when it was changed, and its size
    model: LlamaModel
    thread: ModelThread
    bytes: int
    users: int = 0
    used: float = field(default_factory=time.monotonic)


class ModelHost:
    def __init__(self, config: InferenceConfig, installed: Installed, gpus: Gpus | None = None) -> None:
        """`installed` reads the registry, the default model first; it may block. `gpus` measures them."""
        self._config, self._installed, self._gpus = config, installed, gpus or _measured_gpus
        self._loaded: dict[str, Loaded] = {}
        self._loading = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    async def installed(self) -> Sequence[LocalModel]:
        return await run_in_threadpool(self._installed)

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Loaded]:
        """The model of that name, or the default one for "default" and ""; it stays in memory meanwhile.

        Raises EngineUnavailable, ModelFileRejected, UnknownModelName.
        """
        async with self._loading:
            loaded = await self._find_or_load(await self._wanted(name))
            loaded.users += 1
        try:
            yield loaded
        finally:
            loaded.users -= 1
            loaded.used = time.monotonic()
            if not loaded.users and self._loaded.get(loaded.installed.name) is not loaded:
                await _unload(loaded)

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
        for loaded in list(self._loaded.values()):
            await self._let_go(loaded)

    async def _wanted(self, name: str) -> LocalModel:
        models = await self.installed()
        if not models:
            raise EngineUnavailable("No model is installed.", advice="Add one with `manage.py models pull` or `add`.")
        for gone in set(self._loaded) - {model.name for model in models}:
            await self._let_go(self._loaded[gone])
        if name in ("", "default"):
            return models[0]
        found = next((model for model in models if model.name == name), None)
        if found is None:
            raise UnknownModelName
        return found

    async def _find_or_load(self, wanted: LocalModel) -> Loaded:
        version = _version(wanted)
        loaded = self._loaded.get(wanted.name)
        if loaded and (loaded.installed.path, loaded.version) == (wanted.path, version) and not loaded.thread.broken:
            return loaded
        if loaded:
            await self._let_go(loaded)
        loaded = await self._load(wanted, version)
        self._loaded[wanted.name] = loaded
        self._keeper = self._keeper or asyncio.create_task(self._keep())
        return loaded

    async def _load(self, wanted: LocalModel, version: tuple[int, int]) -> Loaded:
        from inference.llama.model import LlamaModel, weigh

        begun = time.monotonic()
        weight = await run_in_threadpool(weigh, wanted.path)
        streams, gpu_layers, bytes_of = await self._streams_that_fit(weight)
        model = await run_in_threadpool(partial(LlamaModel, wanted.path, gpu_layers=gpu_layers))
        try:
            context = await run_in_threadpool(self._context, model, streams)
        except InferenceError:
            model.close()
            raise
        metrics.LOADED.labels(wanted.name).set(bytes_of.machine)
        metrics.ON_GPU.labels(wanted.name).set(bytes_of.gpu)
        seconds = round(time.monotonic() - begun, 2)
        log.info("model.loaded", model=wanted.name, streams=streams, gpu_layers=gpu_layers, seconds=seconds)
        thread = ModelThread(wanted.name, context, self._limits(streams))
        return Loaded(wanted, version, model, thread, bytes_of.machine)

    def _limits(self, streams: int) -> Limits:
        return Limits(
            streams=streams,
            waiting=self._config.waiting,
            waiting_of_one_user=self._config.waiting_of_one_user,
            inter_token_s=self._config.inter_token_s,
            lookup=self._config.prompt_lookup,
        )

    def _context(self, model: LlamaModel, streams: int) -> LlamaContext:
        from inference.llama.context import LlamaContext

        return LlamaContext(
            model,
            sequences=streams + SPARE_SEQUENCES,
            sequence_tokens=self._config.context_tokens,
            threads=self._config.threads,
            batch_tokens=_BATCH_TOKENS,
            flash_attention=self._config.flash_attention,
        )

    # -- memory ----------------------------------------------------------------------------------------------------
    async def _streams_that_fit(self, weight: Weight) -> tuple[int, int, Needed]:
        """As many as are wanted, or fewer where memory is short. -> streams, layers on the GPU, what they need."""
        there = bool(self._config.gpu_layers) and bool(await run_in_threadpool(self._gpus))
        gpu_layers = layers_on_gpu(self._config.gpu_layers, weight) if there else 0
        least = Needed(0)
        for streams in range(self._config.streams, 0, -1):
            least = needed(
                weight,
                sequences=streams + SPARE_SEQUENCES,
                sequence_tokens=self._config.context_tokens,
                batch_tokens=_BATCH_TOKENS,
                gpu_layers=gpu_layers,
            )
            if await self._make_room(least):
                return streams, gpu_layers, least
        raise await self._refusal(least)

    async def _make_room(self, wanted: Needed) -> bool:
        """Unloads what nobody uses, the longest unused first, until so much is free."""
        while not await self._fits(wanted):
            idle = [loaded for loaded in self._loaded.values() if not loaded.users]
            if not idle:
                return False
            await self._let_go(min(idle, key=lambda loaded: loaded.used))
        return True

    async def _fits(self, wanted: Needed) -> bool:
        return self._free() >= wanted.machine and await self._free_on_gpus(wanted) >= wanted.gpu

    async def _free_on_gpus(self, wanted: Needed) -> int:
        """Measured anew each time, for others use them too; llama.cpp spreads a model over all of them."""
        return sum(gpu.free for gpu in await run_in_threadpool(self._gpus)) if wanted.gpu else 0

    async def _refusal(self, least: Needed) -> EngineUnavailable:
        free = await self._free_on_gpus(least)
        if least.gpu > free:
            return EngineUnavailable(
                f"There is not enough memory on the GPU for the model: it needs {least.gpu / 1e9:.1f} GB, "
                f"{free / 1e9:.1f} GB are free.",
                advice="Use a smaller model, or lower INFERENCE_GPU_LAYERS or INFERENCE_CONTEXT_TOKENS.",
            )
        return EngineUnavailable(
            f"There is not enough memory for the model: it needs {least.machine / 1e9:.1f} GB.",
            advice="Use a smaller model, or lower INFERENCE_CONTEXT_TOKENS.",
        )

    def _free(self) -> int:
        if self._config.memory_bytes:
            return self._config.memory_bytes - sum(loaded.bytes for loaded in self._loaded.values())
        return free_bytes()

    async def _let_go(self, loaded: Loaded) -> None:
        """From memory at once, or when the last answer is written."""
        self._loaded.pop(loaded.installed.name, None)
        if not loaded.users:
            await _unload(loaded)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_S, self._config.unload_after_s))
            async with self._loading:
                late = time.monotonic() - self._config.unload_after_s
                for loaded in [one for one in self._loaded.values() if not one.users and one.used < late]:
                    await self._let_go(loaded)


def _measured_gpus() -> Sequence[Gpu]:
    from inference.llama.devices import gpus

    return gpus()


async def _unload(loaded: Loaded) -> None:
    await run_in_threadpool(loaded.thread.close)
    loaded.model.close()
    for gauge in (metrics.LOADED, metrics.ON_GPU):
        gauge.labels(loaded.installed.name).set(0)
    log.info("model.unloaded", model=loaded.installed.name)


def _version(model: LocalModel) -> tuple[int, int]:
    try:
        stat = model.path.stat()
    except OSError as error:
        raise EngineUnavailable("The model's file is gone.", detail=str(error)) from error
    return stat.st_mtime_ns, stat.st_size
