"""Documents with readers of their own: who finds and opens them, who sets them, and what is written down of it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from chatapp.accounts.models import User
from chatapp.commands import Error
from chatapp.documents.search import areadable_passages, readable_ids, search_passages
from chatapp.governance.models import AuditEntry
from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from retrieval.models import Collection, Document, IndexChange, Passage
from tests.documents.conftest import MakeDocument
from tests.documents.test_api import admin, client_of  # noqa: F401
from tests.ingestion.fake_index import FakeIndex

People = dict[str, User | None]


@pytest.fixture
def salaries(people: People, configured: Any, index: FakeIndex, make_document: MakeDocument) -> Document:
    """For the owners alone. The index answers every question with it, whoever asks: it knows of no readers."""
    document = make_document("salaries.md", "Alice earns most.", restricted=True)
    document.readers.set(Group.objects.filter(name="owners"))
    index.hits = [{"passage_id": Passage.objects.get().pk, "score": 0.9, "dense": 0.8, "lexical": 3.0}]
    return document


@pytest.mark.parametrize(("name", "number"), [("alice", 1), ("bob", 0), ("charlie", 0), ("administrator", 1)])
async def test_only_its_own_readers_find_it_even_when_the_index_is_behind(
    name: str, number: int, people: People, salaries: Document
) -> None:
    from asgiref.sync import sync_to_async

    user = people[name]
    assert user is not None
    assert len(await sync_to_async(search_passages)(user, "Who earns most?", k=5)) == number
    ids = {hit async for hit in Passage.objects.values_list("pk", flat=True)}
    assert len(await sync_to_async(readable_ids)(user, ids)) == number
    assert len(await areadable_passages((user, ids))) == number


def test_own_readers_let_nobody_in_who_may_not_read_the_collection(people: People, salaries: Document) -> None:
    charlie = people["charlie"]
    assert charlie is not None
    strangers = Group.objects.create(name="strangers")
    charlie.groups.add(strangers)
    salaries.readers.add(strangers)
    assert search_passages(charlie, "Who earns most?", k=5) == []
    assert client_of(people, "charlie").get(f"/api/documents/{salaries.pk}/").status_code == 404


@pytest.mark.parametrize(("name", "told"), [("alice", False), ("administrator", True)])
def test_the_names_of_the_groups_are_told_administrators_alone(
    name: str, told: bool, people: People, salaries: Document
) -> None:
    client = client_of(people, name)
    listed = client.get(f"/api/collections/{salaries.collection_id}/documents/").json()["documents"]
    for answer in (*listed, client.get(f"/api/documents/{salaries.pk}/").json()["document"]):
        assert answer["restricted"] and answer.get("readers") == (["owners"] if told else None)


def test_bob_sees_neither_its_name_nor_that_it_is_there(people: People, salaries: Document) -> None:
    bob = client_of(people, "bob")
    (listed,) = bob.get("/api/collections/").json()["collections"]
    assert (listed["documents"], listed["counts"]) == (0, {})
    url = f"/api/collections/{salaries.collection_id}/documents/"
    assert bob.get(url).json()["documents"] == [] and not any(bob.get(url).json()["counts"].values())
    assert b"salaries" not in bob.get("/").content


def test_documents_in_the_administration_are_for_curators_of_their_collection(
    people: People, salaries: Document
) -> None:
    for name in ("alice", "bob"):
        person = people[name]
        assert person is not None
        person.is_staff = True
        person.save()
        person.user_permissions.add(Permission.objects.get(codename="view_document"))
        assert client_of(people, name).get("/admin/retrieval/document/").status_code == 404
        if name == "bob":
            appoint(role=Role.CURATOR, to=person, collection=salaries.collection, by=None)
            assert b"salaries.md" in client_of(people, name).get("/admin/retrieval/document/").content


def test_an_administrator_sets_them_and_both_are_written_down(admin: Any, people: People, salaries: Document) -> None:  # noqa: F811
    url = f"/api/documents/{salaries.pk}/"
    answer = admin.patch(url, {"readers": ["members"]}, content_type="application/json").json()["document"]
    assert (answer["restricted"], answer["readers"]) == (True, ["members"])
    assert client_of(people, "bob").get(url).status_code == 200
    assert client_of(people, "alice").get(url).status_code == 404
    entry = AuditEntry.objects.get(action="document.changed")
    assert entry.subject == "salaries.md" and entry.detail["readers"] == {"from": ["owners"], "to": ["members"]}
    assert IndexChange.objects.get().kind == "access"
    admin.patch(url, {"restricted": True}, content_type="application/json")  # as it is
    assert AuditEntry.objects.count() == IndexChange.objects.count() == 1
    admin.patch(url, {"restricted": False}, content_type="application/json")
    assert client_of(people, "alice").get(url).status_code == 200


@pytest.mark.parametrize("name", ["alice", "bob", "charlie", "anonymous"])
def test_nobody_else_sets_them(name: str, people: People, salaries: Document) -> None:
    answer = client_of(people, name).patch(
        f"/api/documents/{salaries.pk}/", {"restricted": False}, content_type="application/json"
    )
    assert answer.status_code in (401, 404)
    assert Document.objects.get().restricted


@pytest.mark.parametrize(
    "body", [{"readers": ["nobody"]}, {"readers": "owners"}, {"restricted": 1}, {"name": "x"}, {"readers": [1]}]
)
def test_readers_that_are_not_understood_change_nothing(body: Any, admin: Any, salaries: Document) -> None:  # noqa: F811
    url = f"/api/documents/{salaries.pk}/"
    assert admin.patch(url, body, content_type="application/json").status_code == 400
    assert [group.name for group in salaries.readers.all()] == ["owners"]
    assert not IndexChange.objects.exists() and not AuditEntry.objects.exists()


def test_a_document_moves_to_another_collection_and_answers_from_both_are_out_of_date(
    admin: Any,  # noqa: F811
    people: People,
    salaries: Document,
) -> None:
    other, before = Collection.objects.create(name="Open", everyone=True), salaries.collection_id
    url, json = f"/api/documents/{salaries.pk}/", "application/json"
    assert admin.patch(url, {"collection": str(other.pk), "restricted": False}, content_type=json).status_code == 200
    assert client_of(people, "charlie").get(url).status_code == 200
    assert set(IndexChange.objects.values_list("collection_id", flat=True)) == {before, other.pk}
    twin = Document.objects.create(collection_id=before, name="twin", size=1, sha256=salaries.sha256)
    refused = admin.patch(f"/api/documents/{twin.pk}/", {"collection": str(other.pk)}, content_type=json)
    assert refused.status_code == 400 and "already" in refused.json()["error"]["message"]
    assert admin.patch(url, {"collection": "nowhere"}, content_type=json).status_code == 404


def test_an_upload_has_its_readers_from_the_first_moment(admin: Any, people: People, private: Collection) -> None:  # noqa: F811
    url = f"/api/collections/{private.pk}/documents/"
    made = admin.post(url, {"file": SimpleUploadedFile("a.txt", b"hello"), "reader": ["owners"]}).json()["document"]
    assert (made["restricted"], made["readers"]) == (True, ["owners"])
    again = admin.post(url, {"file": SimpleUploadedFile("a.txt", b"hello"), "reader": ["members"]}).json()
    assert again["outcome"] == "duplicate" and Document.objects.get().readers.get().name == "members"
    assert AuditEntry.objects.get(action="document.changed").detail["readers"] == {
        "from": ["owners"],
        "to": ["members"],
    }
    refused = admin.post(url, {"file": SimpleUploadedFile("b.txt", b"other"), "reader": ["nobody"]})
    assert refused.status_code == 400 and Document.objects.count() == 1


def test_ingest_gives_readers_to_all_that_it_hands_in(people: People, configured: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    arguments = ["ingest", str(tmp_path), "--collection", "Private", "--patience", "0.1"]
    with pytest.raises(Error, match="no group named nobody"):
        call_command(*arguments, "--readers", "nobody", stdout=StringIO())
    assert not Document.objects.exists()
    with pytest.raises(Error, match="No document moved"):  # no worker runs here
        call_command(*arguments, "--readers", "owners", "members", stdout=StringIO())
    document = Document.objects.get()
    assert document.restricted and {group.name for group in document.readers.all()} == {"owners", "members"}
