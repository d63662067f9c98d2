"""Renders a model's chat template so that nothing a person or a document writes can become a control token.

A model file is untrusted input: its template runs in Jinja's sandbox. Contents are put in as marks, and the rendered
text is cut at the marks, so that only the template's own literals are tokenized with control tokens.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from inference.engine import ChatMessage
from inference.errors import ModelFileRejected

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_RENDERED_CHARACTERS = 200_000


@dataclass(frozen=True, slots=True)
class Segment:
    text: str
    trusted: bool  # a literal of the template: control tokens in it count


def render(template: str, messages: Sequence[ChatMessage], *, bos: str = "", eos: str = "") -> list[Segment]:
    """-> segments in order. Raises ModelFileRejected when the template itself is broken."""
    nonce = secrets.token_hex(8)
    marks = [f"@@{nonce}:{i}@@" for i in range(len(messages))]
    shown = [{"role": m.role, "content": mark} for m, mark in zip(messages, marks, strict=True)]
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = _refuse
    try:
        text = environment.from_string(template or CHATML).render(
            messages=shown, add_generation_prompt=True, bos_token=bos, eos_token=eos
        )
    except (TemplateError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ModelFileRejected("The model's chat template cannot be used.", detail=str(error)) from error
    if len(text) > _RENDERED_CHARACTERS:
        raise ModelFileRejected("The model's chat template writes without end.")
    parts = re.split(rf"@@{nonce}:(\d+)@@", text)
    segments = [
        Segment(messages[int(part)].content, False) if i % 2 else Segment(part, True) for i, part in enumerate(parts)
    ]
    return [segment for segment in segments if segment.text]


def _refuse(message: str) -> None:
    raise TemplateError(str(message))
