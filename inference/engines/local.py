"""The model service of this house: OpenAI-compatible, on a Unix socket or a private address."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import httpx

from inference.config import InferenceConfig
from inference.engine import Generation, Piece
from inference.engines.openai_compatible import Endpoint, OpenAICompatibleEngine

_KNOWN_FOR_S = 2.0  # what the service last said of itself holds this long


class LocalEngine:
    outside = False

    def __init__(self, config: InferenceConfig, url: str) -> None:
        socket = url.removeprefix("unix://") if url.startswith("unix://") else None
        self._base = "http://model/v1" if socket else f"{url.rstrip('/')}/v1"
        self._engine = OpenAICompatibleEngine(
            "local model",
            Endpoint(
                base_url=self._base,
                key=config.internal_token,
                model="default",
                socket=socket,
                connect_timeout_s=min(config.connect_timeout_s, 2.0),
                first_token_timeout_s=config.first_token_timeout_s,
                between_tokens_timeout_s=config.between_tokens_timeout_s,
                answer_timeout_s=config.answer_timeout_s,
                retries=0,
            ),
            outside=False,
        )
        self._known_at = 0.0
        self._problem = ""

    @property
    def name(self) -> str:
        return self._engine.name

    async def health(self) -> str:
        """'' when a model is loaded; its name becomes the engine's name."""
        if time.monotonic() - self._known_at < _KNOWN_FOR_S:
            return self._problem
        self._problem = await self._ask()
        self._known_at = time.monotonic()
        return self._problem

    async def _ask(self) -> str:
        try:
            response = await self._engine.client().get(f"{self._base}/models", timeout=2.0)
            models = response.json()["data"] if response.status_code == 200 else []
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return "The model service cannot be reached."
        if not models:
            return "No model is installed."
        self._engine.name = f"local: {models[0]['id']}"
        return ""

    def stream(self, request: Generation) -> AsyncIterator[Piece]:
        return self._engine.stream(request)
