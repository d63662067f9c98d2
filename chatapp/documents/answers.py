"""How collections, documents and passages look in JSON."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from chatapp.documents.search import FoundPassage
from retrieval.cutting.neighbours import neighbours
from retrieval.models import Collection, Document, Passage
from retrieval.pipeline.dead_letters import OF_THE_FILE

CONTEXT = 2  # passages shown before and after a cited one


def collection_json(collection: Collection, counts: dict[str, int], *, curated: bool) -> dict[str, Any]:
    """`curated`: by whom it is shown to. Who reads it is for them: the names of groups say much about a house."""
    answer = {
        "id": str(collection.pk),
        "name": collection.name,
        "description": collection.description,
        "everyone": collection.everyone,
        "documents": sum(counts.values()),
        "counts": counts,
        "chunk_tokens": collection.chunk_tokens,
        "chunk_overlap_tokens": collection.chunk_overlap_tokens,
        "curated": curated,
    }
    if curated:
        answer["readers"] = sorted(group.name for group in collection.readers.all())
    return answer


def document_json(document: Document, *, curated: bool) -> dict[str, Any]:
    answer = _described(document)
    if curated:
        answer["readers"] = sorted(group.name for group in document.readers.all())
    return answer


def _described(document: Document) -> dict[str, Any]:
    return {
        "id": str(document.pk),
        "name": document.name,
        "size": document.size,
        "status": document.status,
        "error": document.error,
        "retryable": document.status == Document.Status.FAILED and document.error_code not in OF_THE_FILE,
        "warnings": document.warnings,
        "pages": document.pages,
        "passages": document.passage_count,
        "seconds": round(document.seconds, 3),
        "created_at": document.created_at.isoformat(),
        "restricted": document.restricted,
    }


def passage_json(passage: Passage) -> dict[str, Any]:
    """A passage with its document and the text around it."""
    document = passage.document
    before, after = neighbours(passage, CONTEXT)
    return {
        "id": passage.pk,
        "text": passage.text,
        "heading": passage.heading,
        "page": passage.page,
        "locator": passage.locator,
        "boxes": _boxes(passage.boxes),
        "document": {
            "id": str(document.pk),
            "name": document.name,
            "title": document.title,
            "collection": "" if document.collection.attached else document.collection.name,
            "pages": document.pages,
            "media_type": document.media_type,
        }
        | ({"attached": True} if document.collection.attached else {}),
        "before": [_neighbour(near) for near in before],
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
        "confidence": None if found.confidence is None else round(found.confidence, 4),
    }


def _boxes(stored: Any) -> list[list[float]]:
    """Those that are some: a page would fail on others."""
    boxes = stored if isinstance(stored, list) else []
    return [
        box for box in boxes if isinstance(box, list) and [type(side) in (int, float) for side in box] == [True] * 5
    ]


def _neighbour(passage: Passage) -> dict[str, Any]:
    return {"id": passage.pk, "text": passage.text, "page": passage.page}
