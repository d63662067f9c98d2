"""How the next token is chosen from the logits of a row."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.batching.contract import Chosen, Sampling
from inference.errors import BadRequest
from inference.llama.library import ll
from inference.llama.model import LlamaModel

_CANDIDATE = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])
_PENALTY_WINDOW = 256  # tokens before, that penalties look at


class LlamaSampler:
    """A chain of llama.cpp's samplers, and a grammar beside it."""

    def __init__(self, context: Any, model: LlamaModel, sampling: Sampling) -> None:
        """Raises BadRequest for a grammar that is none."""
        self._context, self._model, self._sampling = context, model, sampling
        self._grammar: Any = None
        self._chain: Any = None
        if sampling.grammar:
            grammar = sampling.grammar.encode("utf-8", "replace")
            self._grammar = ll.llama_sampler_init_grammar(model.vocabulary, grammar, b"root")
            if not self._grammar:
                raise BadRequest("The grammar cannot be read.")
        self._chain = _chain(model.size, sampling)

    def close(self) -> None:
        for sampler in (self._chain, self._grammar):
            if sampler:
                ll.llama_sampler_free(sampler)
        self._chain = self._grammar = None

    def sample(self, row: int) -> Chosen:
        if self._grammar is None:
            logits = self._logits(row).copy() if self._sampling.top_logprobs is not None else None
            token = int(ll.llama_sampler_sample(self._chain, self._context, row))
        else:
            logits = self._logits(row).copy()
            token = self._sample_by_grammar(logits)
        if logits is None or self._sampling.top_logprobs is None:
            return Chosen(token)
        return _with_logprobs(token, logits, self._sampling.top_logprobs)

    def _logits(self, row: int) -> npt.NDArray[np.float32]:
        pointer = ll.llama_get_logits_ith(self._context, row)
        return np.ctypeslib.as_array(pointer, (self._model.size,))

    def _sample_by_grammar(self, logits: npt.NDArray[np.float32]) -> int:
        """Freely first, for a grammar over the whole vocabulary is slow: it is asked again only if it refuses.

        A token that the grammar forbids may never be accepted by it: that ends the process.
        """
        token = self._choose(logits, by_grammar=False)
        if not self._allows(token):
            token = self._choose(logits, by_grammar=True)
        ll.llama_sampler_accept(self._grammar, token)
        ll.llama_sampler_accept(self._chain, token)
        return token

    def _choose(self, logits: npt.NDArray[np.float32], *, by_grammar: bool) -> int:
        candidates = np.zeros(len(logits), dtype=_CANDIDATE)
        candidates["id"] = np.arange(len(logits), dtype=np.int32)
        candidates["logit"] = logits
        array = _array(candidates)
        if by_grammar:
            ll.llama_sampler_apply(self._grammar, ctypes.byref(array))
        ll.llama_sampler_apply(self._chain, ctypes.byref(array))
        return int(array.data[array.selected].id)

    def _allows(self, token: int) -> bool:
        candidate = np.zeros(1, dtype=_CANDIDATE)
        candidate["id"] = token
        array = _array(candidate)
        ll.llama_sampler_apply(self._grammar, ctypes.byref(array))
        return bool(np.isfinite(candidate["logit"][0]))


def _array(candidates: npt.NDArray[Any]) -> Any:
    data = candidates.ctypes.data_as(ll.llama_token_data_p)
    return ll.llama_token_data_array(data, len(candidates), -1, False)


def _with_logprobs(token: int, logits: npt.NDArray[np.float32], most: int) -> Chosen:
    wide = logits.astype(np.float64)
    logprobs = wide - (wide.max() + np.log(np.exp(wide - wide.max()).sum()))
    best = np.argsort(logprobs)[::-1][:most]
    return Chosen(token, float(logprobs[token]), tuple((int(one), float(logprobs[one])) for one in best))


def _chain(vocabulary_size: int, sampling: Sampling) -> Any:
    """Top-k before top-p: top-p over a whole vocabulary costs forty times as much."""
    chain = ll.llama_sampler_chain_init(ll.llama_sampler_chain_default_params())
    if sampling.logit_bias:
        biases = (ll.llama_logit_bias * len(sampling.logit_bias))(
            *[ll.llama_logit_bias(token, bias) for token, bias in sampling.logit_bias]
        )
        added = ll.llama_sampler_init_logit_bias(vocabulary_size, len(sampling.logit_bias), biases)
        ll.llama_sampler_chain_add(chain, added)
    penalties = (sampling.repeat_penalty, sampling.frequency_penalty, sampling.presence_penalty)
    if penalties != (1.0, 0.0, 0.0):
        penalty = ll.llama_sampler_init_penalties(vocabulary_size, _PENALTY_WINDOW, *penalties)
        ll.llama_sampler_chain_add(chain, penalty)
    if sampling.temperature <= 0:
        ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_greedy())
        return chain
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_top_k(sampling.top_k))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_top_p(sampling.top_p, 1))
    if sampling.min_p > 0:
        ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_min_p(sampling.min_p, 1))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_temp(sampling.temperature))
    ll.llama_sampler_chain_add(chain, ll.llama_sampler_init_dist(sampling.seed))
    return chain
