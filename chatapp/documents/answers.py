"""How collections, documents and passages look in JSON."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from chatapp.documents.search import FoundPassage
from retrieval.models import Collection, Document, Passage

# The file itself is at fault: whoever tries again reads the same bytes. A limit, by contrast, can be raised.
_OF_THE_FILE = frozenset(
    {"unsupported", "wrong_type", "empty", "no_text", "corrupt", "encrypted", "bomb", "document_rejected"}
)
CONTEXT = 2  # passages shown before and after a cited one


def collection_json(collection: Collection, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": str(collection.pk),
        "name": collection.name,
        "description": collection.description,
        "everyone": collection.everyone,
        "readers": sorted(group.name for group in collection.readers.all()),
        "documents": sum(counts.values()),
        "counts": counts,
    }


def document_json(document: Document) -> dict[str, Any]:
    return {
        "id": str(document.pk),
        "name": document.name,
        "size": document.size,
        "status": document.status,
        "error": document.error,
        "retryable": document.status == Document.Status.FAILED and document.error_code not in _OF_THE_FILE,
        "warnings": document.warnings,
        "pages": document.pages,
        "passages": document.passage_count,
        "seconds": round(document.seconds, 3),
        "created_at": document.created_at.isoformat(),
    }


def passage_json(passage: Passage) -> dict[str, Any]:
    """A passage with its document and the text around it."""
    document = passage.document
    near = Passage.objects.filter(document=document)
    before = near.filter(ordinal__lt=passage.ordinal).order_by("-ordinal")[:CONTEXT]
    after = near.filter(ordinal__gt=passage.ordinal).order_by("ordinal")[:CONTEXT]
    return {
        "id": passage.pk,
        "text": passage.text,
        "heading": passage.heading,
        "page": passage.page,
        "locator": passage.locator,
        "document": {
            "id": str(document.pk),
            "name": document.name,
            "title": document.title,
            "collection": document.collection.name,
            "pages": document.pages,
            "media_type": document.media_type,
        },
        "before": [_neighbour(near) for near in reversed(before)],
        "after": [_neighbour(near) for near in after],
        "download": reverse("document_file", args=[document.pk]),
    }


def result_json(found: FoundPassage) -> dict[str, Any]:
    """A search result; a document is named as it was given."""
    document = found.passage.document
    return {
        "document": document.path or document.name,
        "page": found.passage.page,
        "text": found.passage.text,
        "score": round(found.score, 6),
    }


def _neighbour(passage: Passage) -> dict[str, Any]:
    return {"id": passage.pk, "text": passage.text, "page": passage.page}
