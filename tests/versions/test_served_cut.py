"""A document may be cut in several ways at once: one of them is served, others belong to other versions."""

from __future__ import annotations

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone

from retrieval.embedded_passages import embedded_passages
from retrieval.models import Collection, Document, Passage, PassageVector
from retrieval.versions.current import serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.conftest import Cast, signed_in_client

VECTOR = np.array([1, 0], dtype="<f2").tobytes()


@pytest.fixture
def document(cast: Cast) -> Document:
    collection = Collection.objects.create(name="Handbook", everyone=True)
    return Document.objects.create(
        collection=collection, name="rules.md", size=1, sha256="1" * 64, status="ready", ready_at=timezone.now()
    )


def cut(document: Document, version: IndexVersion, key: str, heading: str) -> None:
    passage = Passage.objects.create(document=document, ordinal=0, text=f"{key} text", heading=heading, cut=key)
    PassageVector.objects.create(passage=passage, model=version.embedding_model, vector=VECTOR)
    IndexedDocument.objects.create(version=version, document=document, cut=key, passages=1)


@pytest.fixture
def versions(document: Document) -> tuple[IndexVersion, IndexVersion]:
    """The one that serves, and one of the same model that is being built with other passages, which came first."""
    with transaction.atomic():
        served = serving_for_writing()
    IndexedDocument.objects.all().delete()
    building = IndexVersion.objects.create(embedding_model=served.embedding_model)
    cut(document, building, "larger", "Rules > Parking")
    cut(document, served, "small", "Rules > Annual leave")
    return served, building


def test_questions_to_begin_with_come_from_what_is_served(
    cast: Cast, document: Document, versions: tuple[IndexVersion, IndexVersion]
) -> None:
    page = signed_in_client(cast.alice).get("/").content.decode()
    assert "Annual leave" in page and "Parking" not in page
    served, building = versions
    IndexVersion.objects.filter(pk=served.pk).update(status="retired")
    IndexVersion.objects.filter(pk=building.pk).update(status="serving")
    page = signed_in_client(cast.alice).get("/").content.decode()
    assert "Parking" in page and "Annual leave" not in page


def test_a_static_model_is_fitted_and_measured_on_one_cut_of_each_document(
    document: Document, versions: tuple[IndexVersion, IndexVersion]
) -> None:
    served, _ = versions

    def texts() -> list[str]:
        return [text for part in embedded_passages(served.embedding_model, most=10) for text in part.texts]

    assert len(texts()) == 1 and texts()[0].endswith("small text")
    IndexVersion.objects.filter(pk=served.pk).update(status="retired", served_at=timezone.now())
    IndexVersion.objects.create(status="serving", embedding_model="another", served_at=timezone.now())
    assert len(texts()) == 1 and texts()[0].endswith("small text"), "as its own version had it"
