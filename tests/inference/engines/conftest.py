"""Engines of each kind, before a provider that does what a test tells it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference.config import InferenceConfig
from inference.engine import Engine
from inference.engines.build import EndpointDescription, engine_for
from tests.inference.engines.asking import Made
from tests.provider_double import Provider


@pytest.fixture
def made(double: Provider, tmp_path: Path) -> Made:
    def make(kind: str, *, base: str = "", version: str = "", model: str = "m", **limits: Any) -> Engine:
        limits = {"first_token_timeout_s": 0.4, "between_tokens_timeout_s": 0.4, "retries": 0} | limits
        address = base or (double.url if kind == "openai" else double.url.removesuffix("/v1"))
        described = EndpointDescription(f"api: {model}", kind, address, model, "secret", True, version)  # type: ignore[arg-type]
        return engine_for(described, InferenceConfig((), "token", tmp_path, **limits))

    return make
