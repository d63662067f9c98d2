"""What a model needs, in the machine and on its GPUs, and how many answers at once fit into what is free."""

from __future__ import annotations

from dataclasses import dataclass

_ROOM = 1.1  # for what llama.cpp allocates beside weights, keys and values
_GPU_ROOM = 300_000_000  # what a driver takes for itself
_LOGIT_BYTES = 4
_SCORE_BYTES = 4


@dataclass(frozen=True, slots=True)
class Weight:
    """Of a model file, before it is loaded."""

    file_bytes: int
    layers: int
    token_bytes: int  # keys and values of one token, over all layers
    vocabulary: int
    heads: int = 0  # of attention


@dataclass(frozen=True, slots=True)
class Needed:
    machine: int
    gpu: int = 0


def layers_on_gpu(wanted: int, weight: Weight) -> int:
    """`wanted` below 0 means all; behind the last layer, the output counts as one more."""
    most = weight.layers + 1
    return most if wanted < 0 else min(wanted, most)


def needed(weight: Weight, *, sequences: int, sequence_tokens: int, batch_tokens: int, gpu_layers: int) -> Needed:
    """`gpu_layers` as `layers_on_gpu` says; 0 without a GPU."""
    keys = weight.token_bytes * sequence_tokens * sequences
    if not gpu_layers:
        scores = weight.heads * batch_tokens * sequence_tokens * _SCORE_BYTES  # of attention that is not "flash"
        return Needed(int((weight.file_bytes + keys + scores) * _ROOM))
    weights_there = weight.file_bytes * gpu_layers // (weight.layers + 1)
    keys_there = keys * min(gpu_layers, weight.layers) // max(weight.layers, 1)
    logits = batch_tokens * weight.vocabulary * _LOGIT_BYTES
    here = weight.file_bytes - weights_there + keys - keys_there + logits
    return Needed(int(here * _ROOM), int((weights_there + keys_there) * _ROOM) + logits + _GPU_ROOM)
