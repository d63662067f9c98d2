"""Programs at the doors of documents, with a key instead of a session."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from chatapp.accounts.keys import create_key, revoke_key
from chatapp.accounts.models import User
from retrieval.models import Collection, Document


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def collection(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Reports")


def bearing(key: str) -> Client:
    """As a program: no cookies, and CSRF enforced as on the real site."""
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})


def upload(client: Client, collection: Collection) -> int:
    file = SimpleUploadedFile("report.md", b"# Report\n\nAll is well.")
    return client.post(
        f"/api/collections/{collection.pk}/documents/", {"file": file, "path": "2026/report.md"}
    ).status_code


def test_a_program_puts_a_document_in(boss: User, collection: Collection) -> None:
    assert upload(bearing(create_key(user=boss, name="robot")), collection) == 201
    document = Document.objects.get()
    assert document.path == "2026/report.md" and document.uploaded_by == boss


def test_a_key_may_do_no_more_than_its_person(collection: Collection) -> None:
    reader = User.objects.create_user("reader")
    assert upload(bearing(create_key(user=reader, name="robot")), collection) == 404
    collection.everyone = True
    collection.save()
    assert upload(bearing(create_key(user=reader, name="robot 2")), collection) == 404
    assert not Document.objects.exists()


def test_a_key_that_is_wrong_revoked_or_of_a_closed_account_opens_nothing(boss: User, collection: Collection) -> None:
    key = create_key(user=boss, name="robot")
    revoke_key(user=boss, name="robot")
    other = create_key(user=boss, name="another")
    User.objects.filter(pk=boss.pk).update(is_active=False)
    for wrong in (key, other, "fn-nonsense", "", "é"):
        answer = bearing(wrong).get("/api/collections/")
        assert answer.status_code == 401 and answer.json()["error"]["code"] == "sign_in", wrong


def test_a_wrong_key_is_not_made_good_by_a_session(boss: User, collection: Collection) -> None:
    client = bearing("fn-nonsense")
    client.force_login(boss)
    assert client.get("/api/collections/").status_code == 401


def test_a_session_without_a_token_is_still_refused(boss: User, collection: Collection) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    assert upload(client, collection) == 403


def test_keys_do_not_open_pages_and_conversations(boss: User) -> None:
    client = bearing(create_key(user=boss, name="robot"))
    for address in ("/", "/admin/", "/api/conversations/", "/api/engines/"):
        assert client.get(address).status_code in (302, 401), address
