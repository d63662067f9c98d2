"""Which models are in memory: loaded at need, within a budget, and let go when nobody asks for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from starlette.concurrency import run_in_threadpool

from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable, InferenceError
from inference.llama.fitting import Needed, layers_on_gpu
from inference.serving import metrics
from inference.serving.file_version import FileVersion
from inference.serving.loading import Fit, Loaded, Loader, file_version, unload
from inference.serving.memory import free_bytes

_LOOK_S = 15.0
_TRIES = 3  # another model may need the room before it is taken
_LEAVING_S = 30.0  # what a load waits for the last answers of models that leave
_CLOSE_S = 5.0

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


class ModelHost:
    def __init__(self, config: InferenceConfig, installed: Installed, gpus: Gpus | None = None) -> None:
        """`installed` reads the registry, the default model first; it may block. `gpus` measures them."""
        self._config, self._installed, self._gpus = config, installed, gpus or _measured_gpus
        self._loader = Loader(config)
        self._loaded: dict[str, Loaded] = {}
        self._leaving: set[Loaded] = set()  # they still take memory, until their last answer is written
        self._left = asyncio.Event()
        self._unloads: set[asyncio.Task[None]] = set()
        self._loads: dict[str, asyncio.Task[None]] = {}
        self._in_turn = asyncio.Lock()  # one load after the other: each measures what is free
        self._keeper: asyncio.Task[None] | None = None

    async def installed(self) -> Sequence[LocalModel]:
        return await run_in_threadpool(self._installed)

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Loaded]:
        """The model of that name, or the default one for "default" and ""; it stays in memory meanwhile.

        Raises EngineUnavailable, ModelFileRejected, UnknownModelName.
        """
        loaded = await self._taken(name)
        try:
            yield loaded
        finally:
            loaded.users -= 1
            loaded.used = time.monotonic()
            if not loaded.users and loaded in self._leaving:
                await self._leave(loaded)

    def leave(self) -> None:
        """At the signal: it may be killed before what runs has come to its end."""
        self._loader.close()

    async def close(self) -> None:
        self._loader.close()
        if self._keeper is not None:
            self._keeper.cancel()
        if self._loads:
            await asyncio.wait(self._loads.values(), timeout=_CLOSE_S)
        for loaded in list(self._loaded.values()):
            await self._let_go(loaded)

    # -- taking ----------------------------------------------------------------------------------------------------
    async def _taken(self, name: str) -> Loaded:
        """Whoever leaves while it is loaded leaves the load to the next one who asks."""
        for _ in range(_TRIES):
            wanted = await self._wanted(name)
            version = file_version(wanted)
            if (loaded := self._in_memory(wanted, version)) is not None:
                loaded.users += 1
                return loaded
            await asyncio.shield(self._load_of(wanted, version))
        raise EngineUnavailable("The model was loaded, and left the memory again for another one.")

    async def _wanted(self, name: str) -> LocalModel:
        begun = time.monotonic()
        models = await self.installed()
        if not models:
            raise EngineUnavailable("No model is installed.", advice="Add one with `manage.py models pull` or `add`.")
        names = {model.name for model in models}
        for loaded in list(self._loaded.values()):
            if loaded.installed.name not in names and loaded.since < begun:
                await self._let_go(loaded)
        if name in ("", "default"):
            return models[0]
        found = next((model for model in models if model.name == name), None)
        if found is None:
            raise UnknownModelName
        return found

    def _in_memory(self, wanted: LocalModel, version: FileVersion) -> Loaded | None:
        loaded = self._loaded.get(wanted.name)
        same = loaded and (loaded.installed.path, loaded.version) == (wanted.path, version)
        return loaded if loaded and same and not loaded.thread.broken else None

    def _load_of(self, wanted: LocalModel, version: FileVersion) -> asyncio.Task[None]:
        if (running := self._loads.get(wanted.name)) is not None:
            return running
        task = self._loads[wanted.name] = asyncio.create_task(self._load(wanted, version))
        task.add_done_callback(lambda done: self._loads.pop(wanted.name, None))
        task.add_done_callback(_heard)
        return task

    async def _load(self, wanted: LocalModel, version: FileVersion) -> None:
        async with self._in_turn:
            if self._in_memory(wanted, version) is not None:
                return
            if (other := self._loaded.get(wanted.name)) is not None:  # of another file, or broken
                await self._let_go(other)
            weight = await self._loader.weigh(wanted, version)
            there = bool(self._config.gpu_layers) and bool(await run_in_threadpool(self._gpus))
            gpu_layers = layers_on_gpu(self._config.gpu_layers, weight) if there else 0
            streams = range(self._config.streams, 0, -1)
            fit = await self._that_fits([self._loader.fit(weight, n, gpu_layers) for n in streams])
            self._loaded[wanted.name] = await self._loader.load(wanted, version, fit)
            self._keeper = self._keeper or asyncio.create_task(self._keep())

    # -- memory ----------------------------------------------------------------------------------------------------
    async def _that_fits(self, fits: Sequence[Fit]) -> Fit:
        """The first one that does: with as many streams as are wanted, or fewer where memory is short."""
        await self._wait_for_leaving(fits[0].needs)
        for fit in fits:
            if await self._make_room(fit.needs):
                return fit
        raise await self._refusal(fits[-1].needs)

    async def _make_room(self, wanted: Needed) -> bool:
        """Unloads what nobody uses, the longest unused first; nothing where even all of it would not do."""
        if not await self._fits(wanted, without=self._idle()):
            return False
        while not await self._fits(wanted):
            idle = self._idle()
            if not idle:
                return False
            await self._let_go(min(idle, key=lambda loaded: loaded.used))
        return True

    async def _wait_for_leaving(self, wanted: Needed) -> None:
        """Where there will be room when their answers are written: otherwise it would have few streams for good.

        Raises EngineUnavailable.
        """
        until = time.monotonic() + _LEAVING_S
        while self._leaving and not await self._fits(wanted, without=self._idle()):
            if not await self._fits(wanted, without=[*self._idle(), *self._leaving]):
                return
            self._left.clear()
            try:
                await asyncio.wait_for(self._left.wait(), until - time.monotonic())
            except TimeoutError:
                raise EngineUnavailable("The model waits for memory that another one is about to leave.") from None

    def _idle(self) -> list[Loaded]:
        return [loaded for loaded in self._loaded.values() if not loaded.users]

    async def _fits(self, wanted: Needed, *, without: Iterable[Loaded] = ()) -> bool:
        """Into what is free, or would be without some models."""
        gone = [loaded.needs for loaded in without]
        machine, gpu = sum(needs.machine for needs in gone), sum(needs.gpu for needs in gone)
        if self._free() + machine < wanted.machine:
            return False
        return await self._free_on_gpus(wanted) + gpu >= wanted.gpu

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
            held = [*self._loaded.values(), *self._leaving]
            return self._config.memory_bytes - sum(loaded.needs.machine for loaded in held)
        return free_bytes()

    async def _let_go(self, loaded: Loaded) -> None:
        """From memory at once, or when the last answer is written."""
        if self._loaded.get(loaded.installed.name) is not loaded:
            return  # somebody else saw to it
        del self._loaded[loaded.installed.name]
        self._leaving.add(loaded)
        if not loaded.users:
            await self._leave(loaded)

    async def _leave(self, loaded: Loaded) -> None:
        """To its end, also when the one whose answer was the last goes away."""
        task = asyncio.create_task(self._unload(loaded))
        self._unloads.add(task)
        task.add_done_callback(self._unloads.discard)
        await asyncio.shield(task)

    async def _unload(self, loaded: Loaded) -> None:
        try:
            await run_in_threadpool(unload, loaded)
        finally:
            self._leaving.discard(loaded)
            self._left.set()
        if loaded.installed.name not in self._loaded:
            metrics.LOADED.labels(loaded.installed.name).set(0)
            metrics.ON_GPU.labels(loaded.installed.name).set(0)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(min(_LOOK_S, self._config.unload_after_s))
            late = time.monotonic() - self._config.unload_after_s
            for loaded in [one for one in self._loaded.values() if not one.users and one.used < late]:
                if not loaded.users:  # it may have been taken while the one before was unloaded
                    await self._let_go(loaded)


def _heard(load: asyncio.Task[None]) -> None:
    """Those who waited have its error; nobody may have waited to the end."""
    if not load.cancelled():
        load.exception()


def _measured_gpus() -> Sequence[Gpu]:
    from inference.llama.devices import gpus

    return gpus()
