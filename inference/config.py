"""What inference/ is told at start-up; chatapp/settings.py fills it from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    model_service_urls: tuple[str, ...]  # unix:///path/to.sock or http://host:port, OpenAI-compatible
    internal_token: str  # bearer token between Footnote's own processes
    models_dir: Path
    context_tokens: int = 4096
    threads: int = 1
    max_answer_tokens: int = 700
    api_base_url: str = ""  # any OpenAI-compatible endpoint
    api_key: str = ""
    api_model: str = ""
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 60.0
    between_tokens_timeout_s: float = 30.0
    answer_timeout_s: float = 300.0
    retries: int = 2
    hub_url: str = "https://huggingface.co"
    hub_token: str = ""
