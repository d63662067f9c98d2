"""Several sequences in one context of llama.cpp, as the scheduler wants them. One thread owns an instance."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from inference.batching.contract import DecodeFailed, NoRoom, Row, Sampling
from inference.errors import EngineUnavailable
from inference.llama.library import ll
from inference.llama.model import LlamaModel
from inference.llama.sampling import LlamaSampler

_NO_ROOM = 1
_REPACKED, _CLEARLY = 4, 0.8
_ROUNDS, _ROUNDS_S = 6, 1.0  # of measuring: other work on the machine hides what the kernels do from one or two


class LlamaContext:
    """Each sequence has a buffer of its own (`kv_unified` off), which decodes many streams a third faster.

    Implements inference.batching.contract.DecodingContext.
    """

    def __init__(
        self,
        model: LlamaModel,
        *,
        sequences: int,
        sequence_tokens: int,
        threads: int,
        batch_tokens: int = 512,
        flash_attention: bool | None = None,
    ) -> None:
        """`flash_attention` None: on a GPU alone. On processors its kernels take fewer than 64 rows of a prompt one by
        one, and read keys and values slower when many answers are written: measured, 8 answers at 512 tokens took 95 ms
        a step with it and 60 ms without.

        Raises EngineUnavailable when there is no memory for it, or the model cannot compute.
        """
        self.model = model
        self.sequences = sequences
        self.sequence_tokens = min(sequence_tokens, model.trained_tokens or sequence_tokens)
        self.batch_tokens = min(batch_tokens, self.sequence_tokens)
        self._context: Any = None
        self._batch: Any = None
        settings = ll.llama_context_default_params()
        settings.n_ctx = self.sequence_tokens * sequences
        settings.n_batch = settings.n_ubatch = self.batch_tokens
        settings.n_seq_max = sequences
        settings.n_threads = settings.n_threads_batch = threads
        settings.kv_unified = False
        flash = model.on_gpu if flash_attention is None else flash_attention
        settings.flash_attn_type = ll.LLAMA_FLASH_ATTN_TYPE_AUTO if flash else ll.LLAMA_FLASH_ATTN_TYPE_DISABLED
        settings.no_perf = True
        self._context = ll.llama_init_from_model(model.pointer, settings)
        if not self._context:
            raise EngineUnavailable("There is not enough memory for the model.", detail=model.name)
        self.sequence_tokens = min(self.sequence_tokens, ll.llama_n_ctx_seq(self._context))
        self._memory = ll.llama_get_memory(self._context)
        self._batch = ll.llama_batch_init(self.batch_tokens, 0, 1)
        shape = (self.batch_tokens,)
        self._tokens = np.ctypeslib.as_array(self._batch.token, shape)
        self._positions = np.ctypeslib.as_array(self._batch.pos, shape)
        self._wanted = np.ctypeslib.as_array(self._batch.logits, shape)
        np.ctypeslib.as_array(self._batch.n_seq_id, shape)[:] = 1
        self._sequence_of = [np.ctypeslib.as_array(self._batch.seq_id[i], (1,)) for i in range(self.batch_tokens)]
        try:
            self.granule = self._measured_granule()
        except (DecodeFailed, NoRoom) as error:
            self.close()
            raise EngineUnavailable("The model cannot compute.", detail=f"{model.name}: {error}") from error

    def _measured_granule(self) -> int:
        """4 where four rows are computed faster than three, as by the kernels for repacked weights; else 1."""
        if self.sequences < _REPACKED or self.batch_tokens < _REPACKED:
            return 1
        best = dict.fromkeys((_REPACKED, _REPACKED - 1), math.inf)
        until = time.perf_counter() + _ROUNDS_S
        for n in range(_ROUNDS):
            for count in best:
                best[count] = min(best[count], self._seconds_of_rows(count))
            if n and (best[_REPACKED] < _CLEARLY * best[_REPACKED - 1] or time.perf_counter() > until):
                break
        return _REPACKED if best[_REPACKED] < _CLEARLY * best[_REPACKED - 1] else 1

    def _seconds_of_rows(self, count: int) -> float:
        begun = time.perf_counter()
        self.decode([Row(0, 0, sequence, wants_logits=False) for sequence in range(count)])
        took = time.perf_counter() - begun
        self.clear()
        return took

    def close(self) -> None:
        if self._batch is not None:
            ll.llama_batch_free(self._batch)
        if self._context:
            ll.llama_free(self._context)
        self._context = self._batch = None

    def decode(self, rows: Sequence[Row]) -> None:
        count = len(rows)
        self._tokens[:count] = [row.token for row in rows]
        self._positions[:count] = [row.position for row in rows]
        self._wanted[:count] = [row.wants_logits for row in rows]
        for index, row in enumerate(rows):
            self._sequence_of[index][0] = row.sequence
        self._batch.n_tokens = count
        status = ll.llama_decode(self._context, self._batch)
        if status == _NO_ROOM:
            raise NoRoom
        if status != 0:
            raise DecodeFailed(f"llama_decode: {status}")

    def truncate(self, sequence: int, length: int) -> bool:
        return bool(ll.llama_memory_seq_rm(self._memory, sequence, length, -1))

    def copy(self, source: int, target: int, length: int) -> bool:
        ll.llama_memory_seq_rm(self._memory, target, -1, -1)
        # Whole, then cut: between buffers of their own, copying a part ends the process.
        ll.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        return self.truncate(target, length)

    def clear(self) -> None:
        ll.llama_memory_clear(self._memory, True)

    def sampler(self, sampling: Sampling) -> LlamaSampler:
        return LlamaSampler(self._context, self.model, sampling)

    def piece(self, token: int) -> bytes:
        return self.model.piece(token)

    def is_end(self, token: int) -> bool:
        return self.model.is_end(token)
