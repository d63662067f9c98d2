"""Azure OpenAI: chat completions under its own addresses, with its own key and its content filter."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from inference.engines.endpoint import Endpoint
from inference.engines.openai_compatible import ChatCompletions
from inference.engines.provider import ProviderEngine


class AzureEngine(ProviderEngine):
    def __init__(self, name: str, endpoint: Endpoint, *, outside: bool) -> None:
        super().__init__(name, endpoint, AzureChatCompletions(endpoint), outside=outside)


class AzureChatCompletions(ChatCompletions):
    """`model` is the name of the deployment.

    With an API version, `base_url` is that of the resource, and the deployment stands in the address; without,
    or where `base_url` ends in /v1, the newer address is taken, {resource}/openai/v1.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        base = endpoint.base_url.rstrip("/")
        resource = base.partition("/openai")[0] if "/openai" in urlsplit(base).path else base
        query = f"?api-version={quote(endpoint.api_version, safe='')}" if endpoint.api_version else ""
        if base.endswith("/v1") or not endpoint.api_version:
            root = base if base.endswith("/v1") else f"{resource}/openai/v1"
            self._url, self._list = f"{root}/chat/completions{query}", f"{root}/models{query}"
        else:
            deployment = f"{resource}/openai/deployments/{quote(endpoint.model, safe='')}"
            self._url, self._list = f"{deployment}/chat/completions{query}", f"{resource}/openai/models{query}"

    def headers(self) -> dict[str, str]:
        return {"api-key": self.endpoint.key} if self.endpoint.key else {}

    def health_url(self) -> str:
        return self._list

    def url(self) -> str:
        return self._url
