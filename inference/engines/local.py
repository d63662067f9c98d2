"""The model service of this house: OpenAI-compatible, on a Unix socket or a private address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from inference.config import InferenceConfig
from inference.engine import Generation, Piece
from inference.engines.openai_compatible import Endpoint, OpenAICompatibleEngine, refused_list

NO_MODEL = "No model is installed."


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
                ours=True,
            ),
            outside=False,
        )

    @property
    def name(self) -> str:
        return self._engine.name

    async def health(self) -> str:
        """'' when a model is loaded; its name becomes the engine's name."""
        try:
            response = await self._engine.client().get(f"{self._base}/models", timeout=2.0)
            if response.status_code != 200:
                return refused_list(response.status_code)
            models = response.json()["data"]
            if models:
                self._engine.name = f"local: {models[0]['id']}"
        except httpx.HTTPError:
            return "The model service cannot be reached."
        except (ValueError, KeyError, TypeError):
            return "The model service sends something that is not a list of models."
        return "" if models else NO_MODEL

    def stream(self, request: Generation) -> AsyncIterator[Piece]:
        return self._engine.stream(request)
