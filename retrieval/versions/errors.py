"""What cannot be done with a version, and what to do instead."""

from __future__ import annotations

from retrieval.errors import RetrievalError


class VersionInTheWorks(RetrievalError):
    code, http_status = "version_in_the_works", 409
    user_message = "Another index version is being built."
    advice = "Wait until it serves, or cancel it."


class NoSuchVersion(RetrievalError):
    code, http_status = "no_such_version", 404
    user_message = "There is no such index version."
    advice = "`manage.py reindex --status` lists them."


class NotInThisState(RetrievalError):
    code, http_status = "version_not_in_this_state", 409
    user_message = "That cannot be done with this version as it is."
    advice = "`manage.py reindex --status` shows how far it is."


class LacksDocuments(RetrievalError):
    code, http_status = "version_lacks_documents", 409
    user_message = "Documents that are found now could not be taken into this version."
    advice = "Retry them, or promote it without them."


class NotHeldByServices(RetrievalError):
    code, http_status, retryable = "version_not_loaded", 503, True
    user_message = "Not every index service has loaded this version."
    advice = "Look at what they say of it, then promote it again."
