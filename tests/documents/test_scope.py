"""What a person can narrow a question to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from retrieval.models import Collection, Document
from retrieval.parsing.kinds import MEDIA_TYPES
from tests.conftest import Cast, signed_in_client


def _document(collection: Collection, name: str, media_type: str, **values: Any) -> Document:
    values = {"status": "ready", "ready_at": timezone.now()} | values
    return Document.objects.create(
        collection=collection, name=name, size=1, sha256=f"{name:0>64}", media_type=media_type, **values
    )


def test_a_reader_is_offered_what_they_may_read_and_nothing_else(cast: Cast) -> None:
    shared, secret = (Collection.objects.create(name=name) for name in ("Shared", "Secret"))
    shared.readers.set(Group.objects.all())
    _document(shared, "a", "application/pdf")
    _document(shared, "b", "message/rfc822")
    _document(shared, "c", "application/vnd.ms-outlook")
    _document(shared, "d", "text/csv", status="parsing", ready_at=None)
    _document(shared, "e", "text/html", restricted=True)
    _document(secret, "f", "application/epub+zip")
    answer = signed_in_client(cast.alice).get("/api/scope/").json()
    assert answer["collections"] == [{"id": str(shared.pk), "name": "Shared", "documents": 3}]
    assert {kind["name"]: kind["documents"] for kind in answer["kinds"]} == {"PDF": 1, "E-mail": 2}


def test_every_kind_of_file_that_is_read_is_offered(cast: Cast) -> None:
    collection = Collection.objects.create(name="Shared")
    collection.readers.set(Group.objects.all())
    for kind, media_type in MEDIA_TYPES.items():
        _document(collection, kind, media_type)
    kinds = signed_in_client(cast.alice).get("/api/scope/").json()["kinds"]
    assert sorted(named for kind in kinds for named in kind["types"]) == sorted(MEDIA_TYPES.values())
    assert sum(kind["documents"] for kind in kinds) == len(MEDIA_TYPES)


def test_who_is_signed_out_is_offered_nothing(db: None, client: Any) -> None:
    assert client.get("/api/scope/").status_code in (302, 401)
