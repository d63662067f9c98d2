"""The rules about content where documents are taken in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.organisations.services import create_organisation
from chatapp.safety.documents import release
from chatapp.safety.models import FilterRule, QuarantinedDocument, ReleasedDocument, WordList
from retrieval.models import Collection, Document, Passage
from retrieval.pipeline import claims
from retrieval.pipeline.ingestion import receive_document
from retrieval.pipeline.parse_stage import parse_next
from retrieval.pipeline.stops import Stop
from tests.ingestion.conftest import boss as boss
from tests.ingestion.conftest import collection as collection
from tests.ingestion.conftest import configured as configured
from tests.ingestion.conftest import index as index

LETTER = b"Dear Anna,\n\nplease write to anna.berg@example.org about Project Falcon.\n"
_FRESH_S = 1.2


@pytest.fixture
def handed_in(configured: Any, collection: Collection, boss: User) -> Iterator[Document]:
    time.sleep(_FRESH_S)
    yield receive_document(collection=collection, name="letter.txt", content=BytesIO(LETTER), by=boss).document


def parsed(document: Document) -> Document:
    time.sleep(_FRESH_S)
    assert parse_next(claims.next_to_parse, Stop())
    document.refresh_from_db()
    return document


def rule(action: str, what: str = "email", **more: Any) -> FilterRule:
    return FilterRule.objects.create(what=what, where="documents", action=action, **more)


def test_without_rules_a_document_is_taken_in_as_it_is(handed_in: Document) -> None:
    assert parsed(handed_in).status == "embedding" and not handed_in.warnings


def test_a_document_can_be_taken_in_with_a_warning(handed_in: Document) -> None:
    rule("warn")
    assert parsed(handed_in).status == "embedding"
    assert handed_in.warnings == ["It holds e-mail addresses."]


def test_of_a_blocked_document_nothing_is_stored(handed_in: Document) -> None:
    rule("block", "words", words=WordList.objects.create(name="Projects", terms="Project Falcon"))
    rule("warn")
    assert (parsed(handed_in).status, handed_in.error_code) == ("failed", "content_not_taken_in")
    assert "falcon" not in handed_in.error.lower() and not Passage.objects.exists()


def test_a_rule_for_another_collection_does_not_hold(handed_in: Document) -> None:
    rule("block", collection=Collection.objects.create(name="Another"))
    assert parsed(handed_in).status == "embedding"


def test_a_document_in_quarantine_waits_until_an_administrator_lets_it_out(
    handed_in: Document, boss: User, client: Client
) -> None:
    rule("hold")
    assert (parsed(handed_in).status, handed_in.error_code) == ("failed", "quarantined")
    assert not Passage.objects.exists()
    client.force_login(boss)
    page = reverse("admin:safety_quarantineddocument_changelist")
    assert "letter.txt" in client.get(page).content.decode()
    one = reverse("admin:safety_quarantineddocument_change", args=[QuarantinedDocument.objects.get().pk])
    assert b"_save" not in client.get(one).content, "there is nothing to save"
    client.post(page, {"action": "release", "_selected_action": [str(handed_in.pk)]})
    assert ReleasedDocument.objects.filter(document=handed_in.pk).exists()
    assert parsed(handed_in).status == "embedding" and Passage.objects.exists()
    assert AuditEntry.objects.filter(action="document.released").exists()


def test_lines_of_a_document_are_of_its_collections_organisation(handed_in: Document, boss: User) -> None:
    acme = create_organisation(name="Acme", slug="acme", by=boss)
    Collection.objects.update(tenant=acme.pk)
    rule("hold", organisation=acme)
    assert parsed(handed_in).error_code == "quarantined"
    assert release(Document.objects.get(), by=boss)
    lines = AuditEntry.objects.filter(action__in=["content.quarantined", "document.released"])
    assert [line.organisation for line in lines] == [acme.pk, acme.pk]


def test_nobody_but_administrators_sees_the_quarantine(handed_in: Document, client: Client) -> None:
    rule("hold")
    parsed(handed_in)
    client.force_login(User.objects.create_user("stranger", is_staff=True))
    assert client.get(reverse("admin:safety_quarantineddocument_changelist")).status_code == 404


@pytest.mark.parametrize(("where", "action"), [("documents", "mask"), ("documents", "seal"), ("answer", "hold")])
def test_actions_that_make_no_sense_are_refused(db: None, where: str, action: str) -> None:
    with pytest.raises(ValidationError):
        FilterRule(what="email", where=where, action=action).full_clean()
