from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from inference import download
from tests.conftest import Cast, signed_in_client
from tests.inference.hub_double import Hub, hub
from tests.provider_double import Provider, Providers, providers
from tests.tiny_gguf import make


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def double(tmp_path: Path, models_dir: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one small model, acme/tiny tiny.gguf."""
    monkeypatch.setattr(download, "FIRST_WAIT_S", 0.01)
    with hub(make(tmp_path / "made.gguf").read_bytes()) as one:
        settings.INFERENCE = replace(settings.INFERENCE, models_dir=models_dir, hub_url=one.url)
        yield one


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Providers]:
    with providers() as made:
        yield made


@pytest.fixture
def provider(endpoints: Providers) -> Provider:
    return endpoints.new()


@pytest.fixture
def admin(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)
