"""What a worker has loaded before it forks."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from chatapp.settings import database_dsn
from retrieval.embedders.model_folders import PACKAGED_MODEL, EmbeddingModelMissing, model_folder
from retrieval.embedders.tokenizer import load_tokenizer
from retrieval.pipeline.preloading import preload
from retrieval.versions.current import serving_for_writing
from retrieval.versions.models import IndexVersion


@pytest.fixture
def database(transactional_db: None, settings: Any) -> None:
    """The one of the tests, which is named after the settings were read."""
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, database_dsn=database_dsn())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    shutil.copy(model_folder(PACKAGED_MODEL) / "tokenizer.json", made)
    return made


def serves(folder: Path) -> None:
    with transaction.atomic():
        version = serving_for_writing()
    IndexVersion.objects.filter(pk=version.pk).update(embedding_model=str(folder))


def test_it_is_the_tokenizer_of_the_model_that_serves(database: None, folder: Path) -> None:
    serves(folder)
    preload()
    (folder / "tokenizer.json").unlink()
    assert load_tokenizer(str(folder))("one two") == 2


def test_without_the_database_it_is_that_of_the_settings(folder: Path, settings: Any) -> None:
    settings.RETRIEVAL = dataclasses.replace(
        settings.RETRIEVAL, database_dsn="host=/nowhere dbname=none", embedding_model=str(folder)
    )
    preload()
    (folder / "tokenizer.json").unlink()
    assert load_tokenizer(str(folder))("one two") == 2


def test_one_that_cannot_be_read_is_left_to_the_documents(database: None, folder: Path) -> None:
    (folder / "tokenizer.json").write_text("{")
    serves(folder)
    preload()
    with pytest.raises(EmbeddingModelMissing) as told:
        load_tokenizer(str(folder))
    assert "cannot be read" in told.value.user_message
