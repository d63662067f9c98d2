from __future__ import annotations

import dataclasses
import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from chatapp.commands import Error
from chatapp.evaluation.services import import_questions
from retrieval.contracts import Embedder
from retrieval.embedded_passages import embedded_passages
from retrieval.embedders.embedding_models import card_of
from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL, made_here
from retrieval.models import Collection, PassageVector
from tests.conftest import Cast
from tests.evaluation.conftest import QUESTIONS, as_jsonl
from tests.static_model import static_model


@pytest.fixture
def models(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one model, named small."""
    folder = tmp_path / "models"
    shutil.copytree(static_model(), folder / "small")
    card = json.loads((folder / "small" / "card.json").read_text())
    (folder / "small" / "card.json").write_text(json.dumps(card | {"name": "small"}))
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, models_dir=folder)
    monkeypatch.setattr(made_here, "folder", folder)
    return folder


def embeddings(*arguments: str) -> Any:
    out = StringIO()
    call_command("embeddings", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def test_a_static_model_is_measured_beside_its_source(cast: Cast, models: Path, handbook: Collection) -> None:
    by = cast.administrator
    import_questions(name="Rules", content=as_jsonl(QUESTIONS), file_name="rules.jsonl", by=by)
    figures = embeddings("measure", "small", "--set", "Rules")
    assert (figures["question_set"], figures["questions"], figures["passages"]) == ("Rules@1", 4, 6)
    full, static = figures["models"][PACKAGED_MODEL], figures["models"]["small"]
    assert full["nDCG@10"] == 1.0 and 0.5 < static["nDCG@10"] <= 1.0
    assert static["passages_a_second"] > full["passages_a_second"]
    assert figures["difference"]["nDCG@10"]["mean"] == pytest.approx(static["nDCG@10"] - 1.0, abs=1e-3)
    card = card_of(models, "small")
    assert card is not None and card.measured == [figures]
    assert embeddings("list")["models"][0]["measured"] == [figures]


def test_without_vectors_of_its_source_nothing_can_be_measured(cast: Cast, models: Path, handbook: Collection) -> None:
    by = cast.administrator
    import_questions(name="Rules", content=as_jsonl(QUESTIONS), file_name="rules.jsonl", by=by)
    PassageVector.objects.update(model="another")
    with pytest.raises(Error, match="No passage has vectors"):
        embeddings("measure", "small", "--set", "Rules")


def test_a_fitted_model_comes_nearer_to_its_source(
    cast: Cast, models: Path, handbook: Collection, settings: Any
) -> None:
    card = embeddings("distil", "--fit", "--dimension", "128", "--name", "fitted")
    assert (card["fitted"], card["dimension"]) == (6, 128)
    full, plain, fitted = (
        load_embedder(name, settings.RETRIEVAL.cache_dir, threads=1) for name in (PACKAGED_MODEL, "small", "fitted")
    )
    texts = [text for part in embedded_passages(PACKAGED_MODEL, most=10) for text in part.texts]

    def apart(embedder: Embedder) -> float:
        """How far what it says of pairs is from what the full model says."""
        wanted, made = full.embed(texts), embedder.embed(texts)
        wanted = wanted - wanted.mean(axis=0)
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        return float(np.abs(wanted @ wanted.T - made @ made.T).mean())

    assert apart(fitted) < 0.5 * apart(plain)


@pytest.mark.parametrize("arguments", [("measure", "absent", "--set", "Rules"), ("measure", "small", "--set", "No")])
def test_what_is_not_there_is_said(cast: Cast, models: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(Error, match=r"No model|no question set"):
        embeddings(*arguments)
