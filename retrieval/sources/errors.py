"""What can be wrong with a source."""

from __future__ import annotations

from retrieval.errors import RetrievalError


class SourceError(RetrievalError):
    code, http_status = "source_failed", 502
    user_message = "The source could not be read."
    advice = "Look at its settings, and try again."


class SourceUnreachable(SourceError):
    code, http_status, retryable = "source_unreachable", 503, True
    user_message = "The source does not answer."
    advice = "Check that it is up; the next run tries again."


class SourceRefused(SourceError):
    code = "source_refused"
    user_message = "The source refuses to be read with these credentials."
    advice = "Check the key that its settings name."


class BadSourceSettings(SourceError):
    code, http_status = "bad_source_settings", 400
    user_message = "The settings of this source are not understood."
    advice = "Correct them."


class PrivateAddress(SourceError):
    code, http_status = "private_address", 403
    user_message = (
        "This address leads into a private network, which sources may not read unless the operator names the network"
        " in RETRIEVAL_SOURCE_NETWORKS and starts Footnote again, and an administrator lets the source reach it."
    )
    advice = "Ask the operator, or name another address."


class ItemTooLarge(SourceError):
    code, http_status = "too_large", 413
    user_message = "This document is larger than the limit."
    advice = "Split it, or ask your administrator to raise the limit."
