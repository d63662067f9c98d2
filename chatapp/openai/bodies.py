"""Bodies of requests: what a program of OpenAI's API may ask of Footnote, and what it may not, said by name."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from chatapp.errors import ChatAppError
from inference.serving.request_form import CompletionRequest, read

TEXTS, TEXT_CHARACTERS = 256, 20_000
EMBEDDER = "default"
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "stream": ((bool,), "true or false"),
    "stream_options": ((dict,), "an object"),
    "stop": ((str, list), "a string or a list of strings"),
    "response_format": ((dict,), "an object"),
    "logprobs": ((bool,), "true or false"),
    "logit_bias": ((dict,), "an object"),
    "tools": ((list,), "a list"),
    "functions": ((list,), "a list"),
    "modalities": ((list,), "a list"),
}
_WHOLE = ("max_tokens", "max_completion_tokens", "seed", "n")
_TOOLS = "Answers come from the documents: Footnote calls no tools."
_NOT_OFFERED = {
    "tools": _TOOLS,
    "functions": _TOOLS,
    "audio": "Answers are text.",
    "logprobs": "Answers are checked and cited, so that probabilities of single tokens do not fit them.",
    "logit_bias": "The engine that answers may change, and token numbers with it.",
    "prediction": "Predicted text is not used.",
    "web_search_options": "Answers come from the documents, not from the web.",
    "grammar": "Answers with citations cannot follow a grammar.",
}


class NotUnderstood(ChatAppError):
    """`param` names the field, as OpenAI's errors do."""

    code, http_status = "invalid_request_error", 400
    advice = "Correct it and send it again."

    def __init__(self, param: str, user_message: str, *, advice: str | None = None) -> None:
        self.param = param
        super().__init__(user_message, advice=advice)


class NotOffered(NotUnderstood):
    code = "unsupported_parameter"
    advice = "Leave it out."


def completion_in(body: dict[str, Any]) -> CompletionRequest:
    """Raises typed errors."""
    for name, (kinds, description) in _KINDS.items():
        if body.get(name) is not None and not isinstance(body[name], kinds):
            raise NotUnderstood(name, f"`{name}` must be {description}.")
    for name in _WHOLE:
        if isinstance(value := body.get(name), float) and not value.is_integer():
            raise NotUnderstood(name, f"`{name}` must be a whole number.")
    _check_offered(body)
    return read(body, most_tokens=settings.INFERENCE.max_answer_tokens)


def seed_in(body: dict[str, Any], asked: CompletionRequest) -> int | None:
    """None where none was named: 0 is a seed like any other."""
    return None if body.get("seed") is None else asked.sampling.seed


def _check_offered(body: dict[str, Any]) -> None:
    for name, reason in _NOT_OFFERED.items():
        if body.get(name):
            raise NotOffered(name, f"`{name}` is not offered. {reason}")
    if body.get("n") not in (None, 1) or isinstance(body.get("n"), bool):
        raise NotOffered("n", "`n` must be 1: each question has one answer.")
    if any(kind != "text" for kind in body.get("modalities") or []):
        raise NotOffered("modalities", "`modalities` may hold text alone.")
    form = body.get("response_format") or {"type": "text"}
    if form.get("type") in ("json_object", "json_schema"):
        raise NotOffered("response_format", "Answers with citations cannot follow a grammar or a schema.")


def embedded_in(body: dict[str, Any], name: str) -> tuple[list[str], str]:
    """-> the texts, and the encoding of their vectors. `name` is the model that embeds."""
    if body.get("model") not in (None, "", EMBEDDER, name):
        raise NotUnderstood(
            "model", f"The embedding model is called {name!r}.", advice=f"Use that name, or {EMBEDDER!r}."
        )
    encoding = "float" if (given := body.get("encoding_format")) is None else given
    if encoding not in ("float", "base64"):
        raise NotUnderstood("encoding_format", "`encoding_format` must be float or base64.")
    if body.get("dimensions") is not None:
        raise NotOffered("dimensions", "`dimensions` cannot be chosen for this model.")
    if not isinstance(body.get("user", ""), str | None):
        raise NotUnderstood("user", "`user` must be a string.")
    return _texts(body.get("input")), encoding


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= TEXTS or not all(isinstance(one, str) for one in texts):
        raise NotUnderstood("input", f"`input` must be a text or a list of 1 to {TEXTS} texts, not token numbers.")
    if not all(0 < len(one) <= TEXT_CHARACTERS for one in texts):
        raise NotUnderstood("input", f"Each text must have 1 to {TEXT_CHARACTERS} characters.")
    return [one.encode("utf-8", "replace").decode() for one in texts]
