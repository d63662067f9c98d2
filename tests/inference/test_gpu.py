"""What a model needs on a GPU, against what is free there; no GPU is needed to know that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable
from inference.llama.devices import gpus
from inference.llama.fitting import Weight, layers_on_gpu, needed
from inference.llama.library import ll
from inference.llama.model import weigh
from inference.serving.host import ModelHost
from tests.tiny_gguf import make

EIGHT_BILLION = Weight(file_bytes=4_900_000_000, layers=32, token_bytes=131_072, vocabulary=128_256)


@dataclass
class Card:
    free: int


def test_layers_on_the_gpu_are_all_or_as_many_as_there_are() -> None:
    assert [layers_on_gpu(wanted, EIGHT_BILLION) for wanted in (-1, 0, 10, 33, 99)] == [33, 0, 10, 33, 33]


def test_a_model_on_the_gpu_needs_its_weights_and_keys_there_and_half_of_them_half() -> None:
    sizes = {"sequences": 6, "sequence_tokens": 4096, "batch_tokens": 512}
    here = needed(EIGHT_BILLION, gpu_layers=0, **sizes)
    there = needed(EIGHT_BILLION, gpu_layers=33, **sizes)
    half = needed(EIGHT_BILLION, gpu_layers=16, **sizes)
    assert here.gpu == 0 and 8.5e9 < here.machine < 9.5e9
    assert 9e9 < there.gpu < 10e9 and there.machine < 0.5e9
    assert 0.4 < half.gpu / there.gpu < 0.6 and 0.4 < half.machine / here.machine < 0.6


def test_more_answers_at_once_need_more_of_the_gpu() -> None:
    needs = [
        needed(EIGHT_BILLION, sequences=n, sequence_tokens=4096, batch_tokens=512, gpu_layers=33).gpu for n in (3, 6)
    ]
    assert needs[1] - needs[0] == pytest.approx(3 * 4096 * 131_072 * 1.1, rel=0.01)


def test_a_file_is_weighed_without_its_weights(tmp_path: Path) -> None:
    path = make(tmp_path / "tiny.gguf")
    assert weigh(path) == Weight(path.stat().st_size, layers=2, token_bytes=2 * 2 * 64 * 2, vocabulary=260, heads=4)


@pytest.fixture
def host(tmp_path: Path) -> tuple[ModelHost, Card]:
    """Of a machine with a GPU, of which llama.cpp here knows nothing: it computes without it."""
    card, path = Card(free=80_000_000_000), make(tmp_path / "tiny.gguf")

    def cards() -> Sequence[Card]:
        return [card]

    config = InferenceConfig((), "token", tmp_path, streams=8, context_tokens=4096)
    return ModelHost(
        config, lambda: [LocalModel("tiny", path), LocalModel("other", tmp_path / "other.gguf")], cards
    ), card


@pytest.mark.parametrize(("free", "streams"), [(80_000_000_000, 8), (318_500_000, 5), (309_000_000, 1)])
async def test_fewer_answers_at_once_where_the_gpu_is_small(
    host: tuple[ModelHost, Card], free: int, streams: int
) -> None:
    serving, card = host
    card.free = free
    async with serving.lease("tiny") as loaded:
        assert loaded.thread.scheduler.limits.streams == streams
    await serving.close()


async def test_a_model_that_does_not_fit_on_the_gpu_is_refused_with_both_sizes(host: tuple[ModelHost, Card]) -> None:
    serving, card = host
    card.free = 200_000_000
    with pytest.raises(EngineUnavailable, match=r"on the GPU.*needs 0\.3 GB, 0\.2 GB are free") as refused:
        async with serving.lease("tiny"):
            raise AssertionError
    assert "INFERENCE_GPU_LAYERS" in refused.value.advice
    await serving.close()


async def test_an_idle_model_makes_room_on_the_gpu(host: tuple[ModelHost, Card], tmp_path: Path) -> None:
    serving, card = host
    make(tmp_path / "other.gguf")
    async with serving.lease("tiny") as first:
        pass
    card.free = 0
    with pytest.raises(EngineUnavailable):
        async with serving.lease("other"):
            raise AssertionError
    assert first.thread.broken, "it was unloaded first"
    await serving.close()


def test_without_a_gpu_build_nothing_is_looked_for() -> None:
    if ll.llama_supports_gpu_offload():
        pytest.skip("this build of llama.cpp knows GPUs")
    assert gpus() == []


@pytest.mark.gpu
def test_a_gpu_is_found_with_its_memory() -> None:
    if not ll.llama_supports_gpu_offload():
        pytest.skip("this build of llama.cpp knows no GPU")
    assert all(0 < card.free <= card.total for card in gpus()) and gpus()
