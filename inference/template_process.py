"""Renders one chat template and ends. A process of its own, because a hostile template can compute without end.

Reads one JSON object from standard input, writes one to standard output. Imports nothing of Footnote.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

SECONDS, BYTES = 2, 512 * 2**20
MOST_CHARACTERS = 200_000


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    json.dump(_answer(json.load(sys.stdin)), sys.stdout)


def _answer(given: dict[str, Any]) -> dict[str, str]:
    messages = given["messages"]
    try:
        return {"text": _render(given, messages)}
    except Exception as error:  # noqa: BLE001 - a template may raise anything; this is the outermost place
        first = f"{type(error).__name__}: {error}"[:500]
    if len(messages) < 2 or messages[0]["role"] != "system":
        return {"error": first}
    # Some models know no system message: their templates refuse it. The first question then carries it.
    joined = {"role": messages[1]["role"], "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
    try:
        return {"text": _render(given, [joined, *messages[2:]])}
    except Exception:  # noqa: BLE001 - as above
        return {"error": first}


def _render(given: dict[str, Any], messages: list[dict[str, str]]) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: object) -> None:
        raise TemplateError(str(message))

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    text = environment.from_string(given["template"]).render(
        messages=messages, add_generation_prompt=True, bos_token=given["bos"], eos_token=given["eos"]
    )
    if len(text) > MOST_CHARACTERS:
        raise TemplateError("the text is too long")
    return text


if __name__ == "__main__":
    main()
