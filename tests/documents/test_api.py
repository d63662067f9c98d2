"""The JSON doors: who may do what, and what comes back."""

from __future__ import annotations

import dataclasses
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client

from chatapp.accounts.models import User
from chatapp.documents.services import update_collection
from chatapp.errors import NotFound
from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.pipeline import ingestion
from tests.documents.conftest import MakeDocument

People = dict[str, User | None]
READERS = {"administrator": 200, "alice": 200, "bob": 200, "charlie": 404, "anonymous": 401}
WRITERS = {"administrator": 200, "alice": 404, "bob": 404, "charlie": 404, "anonymous": 401}
ABSENT = "00000000-0000-4000-8000-000000000000"


def client_of(people: People, name: str) -> Client:
    client = Client()
    if person := people[name]:
        client.force_login(person)
    return client


@pytest.fixture
def admin(people: People, configured: Any) -> Client:
    return client_of(people, "administrator")


@pytest.mark.parametrize("name", READERS)
def test_only_readers_see_documents_and_passages(name: str, people: People, make_document: MakeDocument) -> None:
    document = make_document("leave.md", "before", "here", "after")
    passage = Passage.objects.get(ordinal=1)
    client = client_of(people, name)
    for url in (
        f"/api/collections/{document.collection_id}/",
        f"/api/collections/{document.collection_id}/documents/",
        f"/api/documents/{document.pk}/",
        f"/api/passages/{passage.pk}/",
    ):
        assert client.get(url).status_code == READERS[name], url


@pytest.mark.parametrize("name", READERS)
async def test_only_readers_get_the_file(name: str, people: People, private: Collection, configured: Any) -> None:
    from asgiref.sync import sync_to_async

    receive = sync_to_async(ingestion.receive_document)
    receipt = await receive(collection=private, name='é".html', content=BytesIO(b"<script>"), by=None)
    client = AsyncClient()
    if person := people[name]:
        await client.aforce_login(person)
    response = await client.get(f"/documents/{receipt.document.pk}/file/", headers={"Accept": "application/json"})
    assert response.status_code == READERS[name]
    if response.status_code == 200:
        assert b"".join([piece async for piece in response]) == b"<script>"
        assert response["Content-Type"] == "application/octet-stream"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("name", WRITERS)
def test_only_administrators_write(name: str, people: People, make_document: MakeDocument, configured: Any) -> None:
    document = make_document("leave.md", status="failed", error="No.", ready_at=None)
    client, json = client_of(people, name), "application/json"
    collection = f"/api/collections/{document.collection_id}/"
    upload = {"file": SimpleUploadedFile("a.txt", b"hello")}
    answers = [
        client.post("/api/collections/", {"name": "New"}, content_type=json),
        client.patch(collection, {"description": "x"}, content_type=json),
        client.post(f"{collection}documents/", upload),
        client.post(f"/api/documents/{document.pk}/retry/"),
        client.delete(f"/api/documents/{document.pk}/"),
        client.delete(collection),
    ]
    for answer in answers:
        assert answer.status_code in ((200, 201, 204) if name == "administrator" else (WRITERS[name],))
    assert Document.objects.filter(pk=document.pk).exists() == (name != "administrator")


def test_a_stranger_does_not_see_the_collection_in_the_list(people: People, private: Collection) -> None:
    assert client_of(people, "charlie").get("/api/collections/").json() == {"collections": []}
    listed = client_of(people, "bob").get("/api/collections/").json()["collections"]
    assert [each["name"] for each in listed] == ["Private"]


@pytest.mark.parametrize(("name", "told"), [("bob", None), ("administrator", ["members", "owners"])])
def test_the_groups_that_read_a_collection_are_told_administrators_alone(
    name: str, told: list[str] | None, people: People, private: Collection
) -> None:
    client = client_of(people, name)
    (listed,) = client.get("/api/collections/").json()["collections"]
    for answer in (listed, client.get(f"/api/collections/{private.pk}/").json()["collection"]):
        assert answer["name"] == "Private" and answer.get("readers") == told


def test_boxes_of_another_shape_are_left_out(people: People, make_document: MakeDocument) -> None:
    make_document("leave.md", "text")
    passage, good = Passage.objects.get(), [1, 0.1, 0.2, 0.3, 0.4]
    for stored, told in [([good, [1], None, "x", [1, 2, 3, 4, "5"]], [good]), ({"a": 1}, []), ("box", []), (7, [])]:
        Passage.objects.update(boxes=stored)
        assert client_of(people, "alice").get(f"/api/passages/{passage.pk}/").json()["boxes"] == told


def test_what_is_absent_and_what_is_forbidden_look_the_same(people: People, make_document: MakeDocument) -> None:
    document = make_document("leave.md", "text")
    client = client_of(people, "charlie")
    forbidden = client.get(f"/api/documents/{document.pk}/")
    absent = client.get(f"/api/documents/{ABSENT}/")
    assert (forbidden.status_code, forbidden.json()) == (absent.status_code, absent.json())


def test_an_upload_is_received_and_then_a_duplicate(admin: Client, private: Collection) -> None:
    url = f"/api/collections/{private.pk}/documents/"
    first = admin.post(url, {"file": SimpleUploadedFile("../a.txt", b"hello"), "path": "notes/a.txt"})
    again = admin.post(url, {"file": SimpleUploadedFile("b.txt", b"hello")})
    assert (first.status_code, first.json()["outcome"]) == (201, "received")
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    assert first.json()["document"]["name"] == "a.txt"
    listed = admin.get(url).json()
    assert (len(listed["documents"]), listed["counts"]) == (1, {"received": 1})


@pytest.mark.parametrize(
    ("code", "retryable"),
    [("encrypted", False), ("unsupported", False), ("corrupt", False), ("timeout", True), ("no_text", True)],
)
def test_a_document_says_whether_trying_again_can_help(
    admin: Client, make_document: MakeDocument, code: str, retryable: bool
) -> None:
    failed = make_document("a.pdf", status="failed", error="No.", error_code=code, ready_at=None)
    assert admin.get(f"/api/documents/{failed.pk}/").json()["document"]["retryable"] is retryable
    ready = make_document("b.pdf", "text")
    assert admin.get(f"/api/documents/{ready.pk}/").json()["document"]["retryable"] is False


def test_an_upload_over_the_limit_is_refused(admin: Client, private: Collection, configured: Any) -> None:
    limits = dataclasses.replace(configured.RETRIEVAL.limits, file_bytes=10)
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, limits=limits)
    url = f"/api/collections/{private.pk}/documents/"
    answer = admin.post(url, {"file": SimpleUploadedFile("a.txt", b"x" * 11)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    long = admin.post(url, {"file": SimpleUploadedFile("a.txt", b"x" * 1_100_000)})
    assert long.status_code == 413
    assert not Document.objects.exists()


def test_an_upload_without_a_file_is_refused(admin: Client, private: Collection) -> None:
    answer = admin.post(f"/api/collections/{private.pk}/documents/", {"file": "text"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_a_write_without_the_token_of_the_page_is_refused(people: People) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["administrator"])  # type: ignore[arg-type]
    assert client.post("/api/collections/", {"name": "New"}, content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{", "[" * 100_000, '{"name": ' + "[" * 100_000, '{"name": ""}', '{"name": 5}',
     '{"name": "x", "colour": 1}', '{"readers": [1], "name": "x"}',
     '{"name": "x", "readers": ["nobody"]}', '{"name": "' + "x" * 121 + '"}', '{"everyone": "yes", "name": "x"}'],
)  # fmt: skip
def test_a_collection_that_is_not_understood_is_refused(admin: Client, body: str) -> None:
    answer = admin.post("/api/collections/", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert not Collection.objects.exists()


def test_two_collections_of_one_name_are_refused(admin: Client, private: Collection) -> None:
    answer = admin.post("/api/collections/", {"name": "Private"}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "name_taken")


def test_who_reads_a_collection_can_be_changed(admin: Client, people: People, private: Collection) -> None:
    url = f"/api/collections/{private.pk}/"
    admin.patch(url, {"readers": ["owners"]}, content_type="application/json")
    assert client_of(people, "bob").get(url).status_code == 404
    admin.patch(url, {"everyone": True}, content_type="application/json")
    assert client_of(people, "charlie").get(url).status_code == 200


def test_a_change_that_comes_too_late_does_not_bring_a_collection_back(people: People, private: Collection) -> None:
    administrator = people["administrator"]
    assert administrator is not None
    kept = Collection.objects.get(pk=private.pk)
    private.delete()
    with pytest.raises(NotFound):
        update_collection(collection=kept, by=administrator, changes={"name": "Again"})
    assert not Collection.objects.filter(name="Again").exists()


def test_deleting_a_collection_tells_the_index_about_each_document(admin: Client, make_document: MakeDocument) -> None:
    first, second = make_document("a", "text"), make_document("b", "text")
    assert admin.delete(f"/api/collections/{first.collection_id}/").status_code == 204
    removed = set(IndexChange.objects.filter(kind="remove").values_list("document_id", flat=True))
    assert removed == {first.pk, second.pk}


def test_a_passage_comes_with_its_document_and_the_text_around_it(admin: Client, make_document: MakeDocument) -> None:
    document = make_document("leave.md", "zero", "one", "two", "three", "four", "five")
    answer = admin.get(f"/api/passages/{Passage.objects.get(ordinal=3).pk}/").json()
    assert (answer["text"], answer["page"]) == ("three", 4)
    assert [near["text"] for near in answer["before"]] == ["one", "two"]
    assert [near["text"] for near in answer["after"]] == ["four", "five"]
    assert answer["document"]["name"] == "leave.md"
    assert answer["download"] == f"/documents/{document.pk}/file/"


def test_retrying_what_did_not_fail_is_refused(admin: Client, make_document: MakeDocument) -> None:
    document = make_document("leave.md", "text")
    answer = admin.post(f"/api/documents/{document.pk}/retry/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_failed")
