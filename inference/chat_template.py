"""Renders a model's chat template so that nothing a person or a document writes can become a control token.

A model file is untrusted input: its template runs in Jinja's sandbox, in a process with limits. Contents are put in as
marks, and the rendered text is cut at the marks, so that only the template's own literals are tokenized with control
tokens. What is rendered depends on the roles alone, and is kept.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog

from inference.engine import ChatMessage
from inference.errors import EngineUnavailable, ModelFileRejected

log = structlog.get_logger(__name__)

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_PROCESS = Path(__file__).with_name("template_process.py")
_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    trusted: bool  # a literal of the template: control tokens in it count


def render(template: str, messages: Sequence[ChatMessage], *, bos: str = "", eos: str = "") -> list[Segment]:
    """-> segments in order. Raises ModelFileRejected when the template itself is broken."""
    parts = _skeleton(template or CHATML, tuple(message.role for message in messages), bos, eos)
    segments = [
        Segment(messages[part].content, False) if isinstance(part, int) else Segment(part, True) for part in parts
    ]
    return [segment for segment in segments if segment.text]


@lru_cache(maxsize=256)
def _skeleton(template: str, roles: tuple[str, ...], bos: str, eos: str) -> tuple[str | int, ...]:
    """-> the template's literals, and between them the positions of messages."""
    nonce = secrets.token_hex(8)
    messages = [{"role": role, "content": f"@@{nonce}:{i}@@"} for i, role in enumerate(roles)]
    text = _rendered({"template": template, "messages": messages, "bos": bos, "eos": eos})
    parts = re.split(rf"@@{nonce}:(\d+)@@", text)
    positions = [int(part) if i % 2 else part for i, part in enumerate(parts)]
    if any(isinstance(part, int) and part >= len(roles) for part in positions):
        raise ModelFileRejected("The model's chat template cannot be used.", detail="an unknown mark")
    return tuple(positions)


def _rendered(given: dict[str, object]) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own file, and nothing of the model on the command line
            [sys.executable, "-I", str(_PROCESS)],
            input=json.dumps(given).encode(),
            capture_output=True,
            timeout=_WITHIN_S,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelFileRejected("The model's chat template does not come to an end.") from error
    except OSError as error:
        raise EngineUnavailable(detail=f"no process for the chat template: {error}") from error
    if done.returncode != 0:
        log.warning("template.ended", code=done.returncode, said=done.stderr[-300:].decode("utf-8", "replace"))
        raise ModelFileRejected("The model's chat template does not come to an end.", detail=f"exit {done.returncode}")
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise ModelFileRejected("The model's chat template cannot be used.", detail=str(answer["error"]))
    return str(answer["text"])
