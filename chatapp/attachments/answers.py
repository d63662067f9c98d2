"""How attached files look in JSON; docs/protocol.md describes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrieval.models import Document

# Those who release other documents cannot see this one, so that nobody is to be waited for.
_HELD = "It holds what the rules of your organisation do not let in, so nothing of it is read."


def attachment(document: Document) -> dict[str, Any]:
    held = document.error_code == "quarantined"
    return {
        "id": str(document.pk),
        "name": document.name,
        "size": document.size,
        "status": document.status,
        "error": _HELD if held else document.error,
        "pages": document.pages,
        "created_at": document.created_at.isoformat(),
    }


def attachments(documents: Sequence[Document]) -> list[dict[str, Any]]:
    return [attachment(one) for one in documents]
