"""docker/compose.yaml as the tests read it, with the variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
COMPOSE = ROOT / "docker" / "compose.yaml"
OURS = ("migrate", "index", "model", "worker", "web")
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:\?|:-)([^}]*))?\}")


class Missing(Exception):
    """A variable that has to be given was not."""


def load(variables: Mapping[str, str]) -> dict[str, Any]:
    """Raises Missing with the sentence that the file has for it."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if variables.get(name):
            return variables[name]
        if kind == ":?":
            raise Missing(rest)
        return rest or ""

    def filled(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: filled(one) for key, one in node.items()}
        if isinstance(node, list):
            return [filled(one) for one in node]
        return _VARIABLE.sub(value, node) if isinstance(node, str) else node

    loaded: dict[str, Any] = filled(yaml.safe_load(COMPOSE.read_text()))
    return loaded


def environment_of(service: str, env_file: Mapping[str, str]) -> dict[str, str]:
    """What a container gets where docker/.env holds these lines: `environment` counts for more than `env_file`."""
    found = load(env_file)["services"][service]
    read = env_file if found.get("env_file") == [{"path": ".env", "required": False}] else {}
    return {**read, **found["environment"]}


GIVEN = {
    "POSTGRES_PASSWORD": "p" * 32,
    "CHATAPP_SECRET_KEY": "s" * 48,
    "CHATAPP_INTERNAL_TOKEN": "t" * 48,
    "CHATAPP_KEY_ENCRYPTION_KEYS": "k" * 48,
}
