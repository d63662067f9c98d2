"""Index versions under /admin/."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from chatapp.governance.models import AuditEntry
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.evaluation.models import QuestionSet, QuestionSetVersion
from retrieval.models import Collection, Document
from retrieval.versions.current import serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from tests.conftest import Cast, signed_in_client
from tests.static_model import static_model

LIST = "/admin/versions/indexversion/"


@pytest.fixture
def admin(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


def do(client: Client, version: IndexVersion, what: str) -> int:
    return client.post(reverse("admin:versions_indexversion_do", args=[version.pk, what])).status_code


def test_superusers_build_watch_and_cancel_a_version(admin: Client) -> None:
    answer = admin.post(f"{LIST}add/", {"other": "other", "kind": "", "gate": "", "note": "A trial.", "hold": "on"})
    version = IndexVersion.objects.get(status="building")
    assert answer.status_code == 302 and str(version.pk) in answer["Location"]
    assert (version.embedding_model, version.note, version.promote) == ("other", "A trial.", False)
    assert "0 of 0 documents" in admin.get(LIST).content.decode()
    page = admin.get(answer["Location"]).content.decode()
    assert "Cancel it" in page and "A trial." in page
    assert "Another index version is being built" in admin.post(f"{LIST}add/", {"other": "third"}).content.decode()
    assert do(admin, version, "cancel") == 302
    version.refresh_from_db()
    assert version.status == "cancelled"
    actions = [(entry.action, entry.actor_name) for entry in AuditEntry.objects.order_by("pk")]
    assert actions == [("index_version.built", "administrator"), ("index_version.cancelled", "administrator")]


def test_the_models_and_question_sets_that_are_there_can_be_chosen(
    admin: Client, settings: Any, tmp_path: Path
) -> None:
    shutil.copytree(static_model(), tmp_path / "small")
    card = json.loads((tmp_path / "small" / "card.json").read_text())
    (tmp_path / "small" / "card.json").write_text(json.dumps(card | {"name": "small"}))
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, models_dir=tmp_path)
    rules = QuestionSet.objects.create(name="Rules")
    QuestionSetVersion.objects.create(question_set=rules, number=1, sha256="0" * 64, questions=1)
    page = admin.get(f"{LIST}add/").content.decode()
    for choice in (PACKAGED_MODEL, "small", "Rules"):
        assert f'<option value="{choice}"' in page
    assert admin.post(f"{LIST}add/", {"model": "small", "gate": "Rules"}).status_code == 302
    version = IndexVersion.objects.get(status="building")
    assert (version.embedding_model, version.gate, version.promote) == ("small", "Rules", True)


def test_a_page_shows_what_failed_and_what_the_services_hold(admin: Client) -> None:
    version = serving_for_writing_alone()
    document = Document.objects.create(
        collection=Collection.objects.create(name="Handbook"), name="<b>old</b>.pdf", size=1, sha256="0" * 64
    )
    IndexedDocument.objects.create(version=version, document=document, error="The stored file is gone.")
    from django.utils import timezone

    IndexServiceState.objects.create(name="east 7", seen_at=timezone.now(), serving=version.pk, holds={version.pk: 4})
    page = admin.get(f"{LIST}{version.pk}/change/").content.decode()
    assert "The stored file is gone." in page and "&lt;b&gt;old&lt;/b&gt;.pdf" in page and "east 7" in page
    assert "Try again what failed" in page


def test_the_version_before_is_brought_back_by_a_click(admin: Client) -> None:
    now = serving_for_writing_alone()
    before = IndexVersion.objects.create(status="retired", embedding_model="other", ended_at=now.created_at)
    assert "Go back to it" in admin.get(f"{LIST}{before.pk}/change/").content.decode()
    assert "can be gone back to" in admin.get(LIST).content.decode()
    IndexVersion.objects.create(status="retired", embedding_model="older", cleared_at=now.created_at)
    assert "its vectors were deleted" in admin.get(LIST).content.decode()
    assert do(admin, before, "now") == 302
    before.refresh_from_db()
    assert (before.status, before.promote, before.catch_up) == ("ready", True, False)


def test_versions_are_for_superusers_alone_and_changed_by_post_alone(admin: Client, cast: Cast) -> None:
    version = serving_for_writing_alone()
    for client in (signed_in_client(cast.alice), Client()):
        assert client.get(LIST).status_code in (302, 404)
        assert do(client, version, "cancel") in (302, 404)
    assert admin.get(reverse("admin:versions_indexversion_do", args=[version.pk, "cancel"])).status_code == 405
    assert do(admin, version, "anything") == 404
    assert do(admin, version, "cancel") == 302  # and it says why not
    version.refresh_from_db()
    assert version.status == "serving"
    assert not AuditEntry.objects.filter(action__startswith="index_version").exists()


def serving_for_writing_alone() -> IndexVersion:
    from django.db import transaction

    with transaction.atomic():
        return serving_for_writing()
