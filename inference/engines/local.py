"""The model service of this house: OpenAI-compatible, on a Unix socket or a private address."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

from inference.config import InferenceConfig
from inference.engine import Generation, Piece
from inference.engines.endpoint import Endpoint
from inference.engines.openai_compatible import OpenAICompatibleEngine
from inference.engines.refusals import refused_list

NO_MODEL = "No model is installed."
NAMELESS = "local model"  # as long as the service has not said what its default is


class LocalEngine:
    outside = False

    def __init__(self, config: InferenceConfig, url: str, model: str = "") -> None:
        """`model`: one of the service's; "": its default, whose name then is this engine's."""
        self._model = model
        socket = url.removeprefix("unix://") if url.startswith("unix://") else None
        self._base = "http://model/v1" if socket else f"{url.rstrip('/')}/v1"
        self._engine = OpenAICompatibleEngine(
            f"local: {model}" if model else NAMELESS,
            Endpoint(
                base_url=self._base,
                key=config.internal_token,
                model=model or "default",
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
        """'' when the service has the model."""
        try:
            response = await self._engine.client().get(f"{self._base}/models", timeout=2.0)
            if response.status_code != 200:
                return refused_list(response.status_code)
            models = [str(one["id"]) for one in response.json()["data"]]
        except httpx.HTTPError:
            return "The model service cannot be reached."
        except (ValueError, KeyError, TypeError):
            return "The model service sends something that is not a list of models."
        if not models:
            return NO_MODEL
        if not self._model:
            self._engine.name = f"local: {models[0]}"
        return "" if not self._model or self._model in models else "The model is not at the model service."

    def stream(self, request: Generation) -> AsyncIterator[Piece]:
        return self._engine.stream(request)
