from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from retrieval.contracts import Embedder
from retrieval.embedders.embedding_models import Card, DistillingFailed, card_of, distil, made_models
from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL, EmbeddingModelMissing, made_here
from retrieval.embedders.tokenizer import load_tokenizer, tokenizer_digest
from tests.static_model import static_model

QUESTION = "How many days of annual leave do I get?"
PASSAGES = [
    "The printer stands on the second floor.",
    "Employees have 25 days of paid annual leave.",
    "Parking is free.",
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before, made_here.folder = made_here.folder, tmp_path_factory.mktemp("models") / "embeddings"
    yield made_here.folder
    made_here.folder = before


@pytest.fixture(scope="module")
def card(models: Path) -> Card:
    """As `distil` made it, under a name of its own."""
    made = Path(static_model())
    shutil.copytree(made, models / "small")
    kept = json.loads((made / "card.json").read_text())
    (models / "small" / "card.json").write_text(json.dumps(kept | {"name": "small"}))
    return Card(**kept | {"name": "small"})


@pytest.fixture(scope="module")
def static(card: Card) -> Embedder:
    return load_embedder("small", settings.RETRIEVAL.cache_dir, threads=1)


def test_a_static_model_finds_what_answers(static: Embedder) -> None:
    scores = static.embed(PASSAGES) @ static.embed([QUESTION])[0]
    assert scores.argmax() == 1


def test_its_vectors_have_length_one_whatever_the_text(static: Embedder) -> None:
    vectors = static.embed([QUESTION, "", "\u0000\u200b", "漢字", "word " * 30_000])
    assert vectors.shape == (5, 128) and vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert static.embed([]).shape == (0, 128)


def test_a_text_has_the_same_vector_alone_and_among_others(static: Embedder) -> None:
    together = static.embed([QUESTION, *PASSAGES])
    assert np.allclose(together[0], static.embed([QUESTION])[0], atol=1e-6)


def test_it_counts_tokens_as_its_source_so_that_passages_are_cut_alike(static: Embedder) -> None:
    assert static.count_tokens(QUESTION) == load_tokenizer(PACKAGED_MODEL)(QUESTION)
    assert tokenizer_digest("small") == tokenizer_digest(PACKAGED_MODEL)


def test_the_card_says_where_it_comes_from(models: Path, card: Card) -> None:
    assert made_models(models) == [card] == [card_of(models, "small")]
    assert (card.source, card.licence, card.dimension) == (PACKAGED_MODEL, "apache-2.0", 128)
    assert card.bytes == sum(f.stat().st_size for f in (models / "small").iterdir() if f.name != "card.json")


def test_it_needs_no_torch_to_answer(models: Path, card: Card) -> None:
    code = (
        "import sys; from pathlib import Path; from retrieval.embedders.loading import load_embedder;"
        f"e = load_embedder({str(models / 'small')!r}, Path('/nowhere'), threads=1); e.embed(['one']);"
        "print('torch' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(
    ("source", "dimension", "name", "told"),
    [
        (PACKAGED_MODEL, 128, "small", "already"),
        (PACKAGED_MODEL, 5000, "wide", "dimension"),
        (PACKAGED_MODEL, 128, "../small", "cannot be the name"),
        ("small", 64, "smaller", "static already"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    models: Path, card: Card, source: str, dimension: int, name: str, told: str
) -> None:
    with pytest.raises(DistillingFailed, match=told):
        distil(models, source, dimension=dimension, name=name)
    assert [one.name for one in made_models(models)] == ["small"]


def test_a_model_that_breaks_off_leaves_nothing(models: Path, card: Card, tmp_path: Path) -> None:
    """A folder that looks like a model and is none."""
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 384}))
    with pytest.raises(DistillingFailed):
        distil(models, str(tmp_path), dimension=64, name="broken")
    assert [entry.name for entry in models.iterdir()] == ["small"]


def test_a_damaged_static_model_is_named_as_missing(models: Path, card: Card, tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_bytes((models / "small" / "modules.json").read_bytes())
    with pytest.raises(EmbeddingModelMissing):
        load_embedder(str(tmp_path), tmp_path, threads=1)
