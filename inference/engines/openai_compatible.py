"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, llama-server, our own model service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inference.engine import ChatMessage, Finish, Generation, Progress, TextPiece, Usage
from inference.engines.bodies import BROKE_OFF, count_in, parse_object, text_in
from inference.engines.endpoint import Endpoint
from inference.engines.provider import Call, ProviderEngine, Reader, Thought
from inference.engines.refusals import TakenFields, filtered, reported
from inference.errors import EngineUnavailable, QuestionRefused
from inference.prompts import SYSTEM

_LIMITS = (
    "max_tokens",
    "max_completion_tokens",
)  # the name for older models is tried first, then the one for those that think
_OPTIONAL = (*_LIMITS, "temperature", "seed", "stream_options")
_MOST = 1_000_000_000
_GO_ON = "Go on from exactly there. Repeat nothing."


class OpenAICompatibleEngine(ProviderEngine):
    def __init__(self, name: str, endpoint: Endpoint, *, outside: bool) -> None:
        super().__init__(name, endpoint, ChatCompletions(endpoint), outside=outside)


class ChatCompletions:
    """`base_url` goes up to and including /v1."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._taken = TakenFields(*_OPTIONAL)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.endpoint.key}"} if self.endpoint.key else {}

    def health_url(self) -> str:
        return f"{self.endpoint.base_url}/models"

    def url(self) -> str:
        return f"{self.endpoint.base_url}/chat/completions"

    def call(self, request: Generation) -> Call:
        body = self._body(request)
        return Call(self.url(), body, frozenset(_OPTIONAL).intersection(body))

    def reader(self, request: Generation) -> Reader:
        return ChatReader()

    def learn(self, status: int, text: str, call: Call) -> str:
        return self._taken.learn(status, text, call.optional, call.asked)

    def _body(self, request: Generation) -> dict[str, Any]:
        limit = next((name for name in _LIMITS if self._taken.takes(name)), "")
        optional: dict[str, Any] = {
            limit: request.max_tokens,
            "stream_options": {"include_usage": True},
            "temperature": request.temperature,
            "seed": request.seed,
        }
        body: dict[str, Any] = {
            "model": self.endpoint.model,
            "messages": chat_messages(request.messages, request.written),
            "stream": True,
            **{
                name: value
                for name, value in optional.items()
                if name and value is not None and self._taken.takes(name)
            },
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if self.endpoint.ours:  # our instructions at the start are everybody's: computed once for all
            ours_alone = request.messages[0] == ChatMessage("system", SYSTEM)  # a program may have added its own
            body |= {"user": request.asker, "footnote_public_messages": int(ours_alone)}
        return body


def chat_messages(messages: Sequence[ChatMessage], written: str) -> list[dict[str, str]]:
    """With the request to go on after what was written."""
    said = [{"role": message.role, "content": message.content} for message in messages]
    if written:
        said += [{"role": "assistant", "content": written}, {"role": "user", "content": _GO_ON}]
    return said


class ChatReader:
    def __init__(self) -> None:
        self.ended = False
        self._reason = ""
        self._usage: Usage | None = None

    def read(self, data: str) -> Sequence[TextPiece | Progress | Thought]:
        if data == "[DONE]":
            self.ended = True
            return ()
        chunk = parse_object(data)
        if error := chunk.get("error"):
            raise reported(error)
        self._usage = _usage(chunk.get("usage")) or self._usage
        pieces: list[TextPiece | Progress | Thought] = []
        if (progress := _progress(chunk)) is not None:
            pieces.append(progress)
        for choice in chunk.get("choices") or []:
            pieces += self._choice(choice)
        return pieces

    def _choice(self, choice: dict[str, Any]) -> list[TextPiece | Progress | Thought]:
        delta = choice.get("delta") or {}
        if refusal := text_in(delta, "refusal"):
            raise QuestionRefused(detail=refusal[:500])
        self._reason = text_in(choice, "finish_reason") or self._reason
        if self._reason == "content_filter" or _over_the_filter(choice.get("content_filter_results")):
            raise filtered(str(choice.get("content_filter_results"))[:500])
        if text := text_in(delta, "content"):
            return [TextPiece(text)]
        return [Thought()] if delta.get("reasoning_content") or delta.get("reasoning") else []

    def finish(self) -> Finish:
        if not self._reason:
            raise EngineUnavailable(BROKE_OFF, detail="the stream ended without a finish reason")
        return Finish("length" if self._reason == "length" else "stop", self._usage)


def _over_the_filter(results: object) -> bool:
    """Azure's verdict on a piece; it may come after the piece."""
    found = results.values() if isinstance(results, dict) else ()
    return any(isinstance(one, dict) and one.get("filtered") is True for one in found)


def _progress(chunk: dict[str, Any]) -> Progress | None:
    """Of Footnote's services, ours or another house's; other endpoints say nothing before the first token."""
    if (found := chunk.get("footnote_progress")) is None:
        return None
    progress = Progress(**found)
    if not all(_counts(number) for number in found.values() if number is not None):
        raise TypeError(f"not a progress: {str(found)[:100]}")
    return progress


def _counts(number: object) -> bool:
    """Neither infinite nor no number at all, which JSON does not know."""
    return isinstance(number, int | float) and 0 <= number < _MOST


def _usage(found: object) -> Usage | None:
    """None where it does not say both counts."""
    if not isinstance(found, dict) or found.get("prompt_tokens") is None or found.get("completion_tokens") is None:
        return None
    cached = count_in(found.get("prompt_tokens_details"), "cached_tokens")
    return Usage(count_in(found, "prompt_tokens"), count_in(found, "completion_tokens"), cached)
