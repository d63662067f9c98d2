"""An engine from what the registry, or the environment, says of an endpoint."""

from __future__ import annotations

from dataclasses import dataclass

from inference.config import ApiKind, InferenceConfig
from inference.engine import Engine
from inference.engines.anthropic import AnthropicEngine
from inference.engines.azure import AzureEngine
from inference.engines.endpoint import Endpoint
from inference.engines.openai_compatible import OpenAICompatibleEngine


@dataclass(frozen=True, slots=True)
class EndpointDescription:
    name: str  # as people see it, such as "api: gpt-5-mini"
    kind: ApiKind
    base_url: str
    model: str
    key: str
    outside: bool
    api_version: str = ""  # Azure's older addresses need one


def engine_for(described: EndpointDescription, config: InferenceConfig) -> Engine:
    endpoint = Endpoint(
        base_url=described.base_url.rstrip("/"),
        key=described.key,
        model=described.model,
        connect_timeout_s=config.connect_timeout_s,
        first_token_timeout_s=config.first_token_timeout_s,
        between_tokens_timeout_s=config.between_tokens_timeout_s,
        answer_timeout_s=config.answer_timeout_s,
        retries=config.retries,
        api_version=described.api_version,
    )
    engines = {"openai": OpenAICompatibleEngine, "azure": AzureEngine, "anthropic": AnthropicEngine}
    return engines[described.kind](described.name, endpoint, outside=described.outside)


def configured_endpoint(config: InferenceConfig) -> EndpointDescription | None:
    """The endpoint that the environment names."""
    if not config.api_base_url:
        return None
    return EndpointDescription(
        name=f"api: {config.api_model}",
        kind=config.api_kind,
        base_url=config.api_base_url,
        model=config.api_model,
        key=config.api_key,
        outside=True,
        api_version=config.api_version,
    )
