"""What inference/ is told at start-up; chatapp/settings.py fills it from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

ApiKind = Literal["openai", "azure", "anthropic"]


@dataclass(frozen=True, slots=True)
class LocalModel:
    """What the registry says of a model file."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class InferenceConfig:
    model_service_urls: tuple[str, ...]  # unix:///path/to.sock or http://host:port, OpenAI-compatible
    internal_token: str  # bearer token between Footnote's own processes
    models_dir: Path
    context_tokens: int = 4096
    threads: int = 1
    max_answer_tokens: int = 700
    api_kind: ApiKind = "openai"  # any OpenAI-compatible endpoint
    api_base_url: str = ""
    api_key: str = ""
    api_model: str = ""
    api_version: str = ""  # of Azure's older addresses
    keys: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)  # of endpoints in the registry
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 60.0
    between_tokens_timeout_s: float = 30.0
    answer_timeout_s: float = 300.0
    retries: int = 2
    streams: int = 4  # answers that one model writes at once
    waiting: int = 64
    waiting_of_one_user: int = 8
    inter_token_s: float = 0.25  # what a running answer may wait while another prompt is read
    prompt_lookup: bool = True
    memory_bytes: int = 0  # for all loaded models together; 0: what the machine has free
    flash_attention: bool | None = None  # None: on a GPU alone
    gpu_layers: int = -1  # of a model, on a GPU where there is one; -1: all
    unload_after_s: float = 1800.0
    loads_dir: Path | None = None  # where the model service notes which file it loads; None: below the models
    hub_url: str = "https://huggingface.co"
    hub_token: str = ""
