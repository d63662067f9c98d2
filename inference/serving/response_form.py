"""Answers in the form of OpenAI's chat completions, whole or as server-sent events."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import asdict
from typing import Any

from inference.batching.contract import Ended, Piece, Reason, TokenText
from inference.engine import Progress
from inference.errors import InferenceError

DONE = b"data: [DONE]\n\n"
_REASONS: dict[Reason, str] = {"stop": "stop", "length": "length", "cancelled": "stop", "deadline": "length"}


class Form:
    """One answer."""

    def __init__(self, model: str) -> None:
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}

    # -- as a stream -----------------------------------------------------------------------------------------------
    def progress(self, progress: Progress) -> bytes:
        return self._line(choices=[], footnote_progress=asdict(progress))

    def beside(self, **fields: Any) -> bytes:
        """What OpenAI's form has no place for."""
        return self._line(choices=[], **fields)

    def piece(self, piece: Piece) -> bytes:
        delta = {"index": 0, "delta": {"content": piece.text}, "finish_reason": None}
        return self._line(choices=[delta | _logprobs(piece.tokens)])

    def ended(self, ended: Ended, *, include_usage: bool) -> bytes:
        last = self._line(choices=[{"index": 0, "delta": {}, "finish_reason": _REASONS[ended.reason]}])
        return last + (self._line(choices=[], usage=usage(ended)) if include_usage else b"")

    def error(self, error: InferenceError) -> bytes:
        return self.refusal(openai_error(error))

    def refusal(self, said: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(said).encode() + b"\n\n"

    def _line(self, **fields: Any) -> bytes:
        return b"data: " + json.dumps({**self._head, "object": "chat.completion.chunk", **fields}).encode() + b"\n\n"

    # -- whole -----------------------------------------------------------------------------------------------------
    def whole(self, text: str, tokens: tuple[TokenText, ...], ended: Ended) -> dict[str, Any]:
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": _REASONS[ended.reason]} | _logprobs(tokens)
        return {**self._head, "object": "chat.completion", "choices": [choice], "usage": usage(ended)}


def usage(ended: Ended) -> dict[str, Any]:
    rejected = ended.drafted_tokens - ended.accepted_tokens
    return {
        "prompt_tokens": ended.prompt_tokens,
        "completion_tokens": ended.completion_tokens,
        "total_tokens": ended.prompt_tokens + ended.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": ended.cached_tokens},
        "completion_tokens_details": {
            "accepted_prediction_tokens": ended.accepted_tokens,
            "rejected_prediction_tokens": rejected,
        },
    }


def _logprobs(tokens: tuple[TokenText, ...]) -> dict[str, Any]:
    if not tokens:
        return {}
    return {"logprobs": {"content": [_token(one.piece, one.logprob) | _best(one) for one in tokens]}}


def _best(token: TokenText) -> dict[str, Any]:
    return {"top_logprobs": [_token(piece, logprob) for piece, logprob in token.alternatives]}


def _token(piece: bytes, logprob: float) -> dict[str, Any]:
    return {"token": piece.decode("utf-8", "replace"), "logprob": logprob, "bytes": list(piece)}


def openai_error(error: InferenceError) -> dict[str, Any]:
    return {
        "error": {
            "message": f"{error.user_message} {error.advice}".strip(),
            "type": "invalid_request_error" if error.http_status < 500 else "server_error",
            "code": error.code,
            "param": None,
        }
    }
