"""Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.engine import Finish, Generation, Progress, TextPiece, Usage
from inference.engines.bodies import BROKE_OFF, count_in, parse_object, text_in
from inference.engines.endpoint import Endpoint
from inference.engines.openai_compatible import chat_messages
from inference.engines.provider import Call, ProviderEngine, Reader, Thought
from inference.engines.refusals import TakenFields, reported
from inference.errors import EngineUnavailable, QuestionRefused

_VERSION = "2023-06-01"
_COUNTS = {"input_tokens", "output_tokens"}  # fewer are no usage
_LENGTH = ("max_tokens", "model_context_window_exceeded")
_BEFORE = {"role": "user", "content": "(What was said before is left out.)"}


class AnthropicEngine(ProviderEngine):
    def __init__(self, name: str, endpoint: Endpoint, *, outside: bool) -> None:
        super().__init__(name, endpoint, Messages(endpoint), outside=outside)


class Messages:
    """`base_url` with or without /v1 at its end."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._root = f"{endpoint.base_url.rstrip('/').removesuffix('/v1')}/v1"
        self._taken = TakenFields("temperature", "prefill")

    def headers(self) -> dict[str, str]:
        return {"x-api-key": self._endpoint.key, "anthropic-version": _VERSION}

    def health_url(self) -> str:
        return f"{self._root}/models?limit=1"

    def call(self, request: Generation) -> Call:
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": self._messages(request),
            "max_tokens": request.max_tokens,
            "stream": True,
        }
        if system := "\n\n".join(m.content for m in request.messages if m.role == "system" and m.content.strip()):
            body["system"] = system
        if stops := [stop for stop in request.stop if stop.strip()]:  # blank ones are refused
            body["stop_sequences"] = stops
        if self._taken.takes("temperature"):
            body["temperature"] = min(request.temperature, 1.0)
        optional = {name for name in ("temperature",) if name in body} | (
            {"prefill"} if self._prefills(request) else set()
        )
        return Call(f"{self._root}/messages", body, frozenset(optional))

    def reader(self, request: Generation) -> Reader:
        return MessageReader(Seam(request.written) if self._prefills(request) else Seam(""))

    def learn(self, status: int, text: str, call: Call) -> str:
        return self._taken.learn(status, text, call.optional, call.asked)

    def _prefills(self, request: Generation) -> bool:
        return bool(request.written.strip()) and self._taken.takes("prefill")

    def _messages(self, request: Generation) -> list[dict[str, str]]:
        """Begins with the user and holds no empty message: others are refused."""
        said = [m for m in request.messages if m.role != "system" and m.content.strip()]
        written = request.written if request.written.strip() else ""
        if self._prefills(request):
            messages = [*chat_messages(said, ""), {"role": "assistant", "content": written.rstrip()}]
        else:
            messages = chat_messages(said, written)
        return messages if messages and messages[0]["role"] == "user" else [_BEFORE, *messages]


class Seam:
    """Between what was shown and what the model writes after it: a prefill may not end in white space."""

    def __init__(self, written: str) -> None:
        self._shown = written[len(written.rstrip()) :]

    def joined(self, text: str) -> str:
        """Without the white space that was shown already."""
        same = 0
        while same < min(len(text), len(self._shown)) and text[same] == self._shown[same]:
            same += 1
        self._shown = self._shown[same:] if same == len(text) else ""
        return text[same:]


class MessageReader:
    def __init__(self, seam: Seam) -> None:
        self.ended = False
        self._seam, self._reason = seam, ""
        self._usage: dict[str, int] = {}

    def read(self, data: str) -> Sequence[TextPiece | Progress | Thought]:
        """Events of other kinds may come at any time, and are passed over."""
        event = parse_object(data)
        match event.get("type"):
            case "message_start":
                self._count(event["message"].get("usage"))
            case "content_block_start":
                return self._text(event["content_block"])
            case "content_block_delta":
                return self._text(event["delta"])
            case "message_delta":
                self._count(event.get("usage"))
                self._reason = text_in(event["delta"], "stop_reason") or self._reason
                if self._reason == "refusal":
                    raise QuestionRefused(detail=data[:500])
            case "message_stop":
                self.ended = True
            case "error":
                raise reported(event.get("error"))
        return ()

    def _text(self, part: dict[str, Any]) -> Sequence[TextPiece | Thought]:
        if part.get("type") not in ("text", "text_delta"):
            return (Thought(),)
        text = self._seam.joined(text_in(part, "text"))
        return (TextPiece(text),) if text else ()

    def _count(self, usage: object) -> None:
        """The numbers of the last event count: they are of the whole answer."""
        if isinstance(usage, dict):
            self._usage |= {name: count_in(usage, name) for name in usage if usage[name] is not None}

    def finish(self) -> Finish:
        if not self._reason:
            raise EngineUnavailable(BROKE_OFF, detail="the stream ended without a reason to stop")
        used = self._usage.get
        cached = used("cache_read_input_tokens", 0)
        read = used("input_tokens", 0) + used("cache_creation_input_tokens", 0) + cached
        usage = Usage(read, used("output_tokens", 0), cached) if self._usage.keys() >= _COUNTS else None
        return Finish("length" if self._reason in _LENGTH else "stop", usage)
