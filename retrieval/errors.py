"""Errors of retrieval/: few kinds, each with a code, a sentence for people, and whether trying again can help."""

from __future__ import annotations


class RetrievalError(Exception):
    code = "retrieval_failed"
    http_status = 500
    retryable = False
    user_message = "Searching the documents failed."
    advice = "Try again; if it keeps failing, tell your administrator."

    def __init__(self, user_message: str | None = None, *, advice: str | None = None, detail: str = "") -> None:
        self.user_message = user_message or self.user_message
        self.advice = advice or self.advice
        super().__init__(detail or self.user_message)

    @property
    def sentence(self) -> str:
        """What happened and what to do, for people."""
        return f"{self.user_message} {self.advice}".strip()


class DocumentRejected(RetrievalError):
    """The file itself is at fault: trying again cannot help."""

    code, http_status = "document_rejected", 422
    user_message = "This file could not be read."
    advice = "Check that it opens on your computer, then upload it again."


class IndexUnavailable(RetrievalError):
    code, http_status, retryable = "index_unavailable", 503, True
    user_message = "The document index is not available at the moment."
    advice = "It usually comes back within seconds. Try again."


class AnotherEmbeddingModel(IndexUnavailable):
    code = "another_embedding_model"
    user_message = "The index service does not embed with the model that is needed."
    advice = "Put the model in a place where the index service finds it; it takes it up by itself."


class VersionNotHeld(IndexUnavailable):
    code, http_status, retryable = "version_not_held", 409, False
    user_message = "The index service does not hold this index version."
    advice = "It holds the one that serves, one that is about to, and one that is being evaluated. Choose one of those."
