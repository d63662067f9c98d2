"""Errors of inference/: few kinds, each with a code, a sentence for people, and whether trying again can help."""

from __future__ import annotations


class InferenceError(Exception):
    code = "inference_failed"
    http_status = 500
    retryable = False
    user_message = "The model could not answer."
    advice = "Try again; if it keeps failing, tell your administrator."
    status: int | None = None  # of HTTP, where an endpoint refused with one

    def __init__(
        self,
        user_message: str | None = None,
        *,
        advice: str | None = None,
        detail: str = "",
        reason: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        """`detail` may repeat the question; `reason` holds no word of it and may stand in any log."""
        self.user_message = user_message or self.user_message
        self.reason = reason or self.user_message
        self.advice = advice or self.advice
        self.retry_after_s = retry_after_s
        super().__init__(detail or self.user_message)

    def forget_detail(self) -> None:
        """Where it may repeat what must stay in the house."""
        self.args = (self.user_message,)


class EngineBusy(InferenceError):
    code, http_status, retryable = "engine_busy", 503, True
    user_message = "All model slots are in use."
    advice = "Try again in a moment."


class EngineUnavailable(InferenceError):
    """Not configured, not reachable, died, silent, or spoke garbage: another engine may still answer."""

    code, http_status, retryable = "engine_unavailable", 503, True
    user_message = "The model is not available at the moment."


class ContextTooLong(InferenceError):
    code, http_status = "context_too_long", 413
    user_message = "The question with its sources is longer than the model can read."
    advice = "Ask a shorter question or start a new chat."


class QuestionRefused(InferenceError):
    """By an engine that is well: another engine may still answer this one."""

    code, http_status = "question_refused", 422
    user_message = "The model refused this question."
    advice = "Ask it in other words."


class ModelFileRejected(InferenceError):
    code, http_status = "model_file_rejected", 422
    user_message = "This is not a model file that can be loaded."
    advice = "Footnote needs a GGUF file, whole and unchanged."


class BadRequest(InferenceError):
    code, http_status = "invalid_request_error", 400
    user_message = "The request to the model is not understood."
    advice = "Correct it and send it again."
