"""What a version leaves behind, what comes and goes while one is built, and services that disagree for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db.models import Count

from chatapp.accounts.models import User
from chatapp.conversations.models import Citation, Conversation, Message
from retrieval.models import Document, Passage, PassageVector
from retrieval.pipeline.ingestion import delete_document
from retrieval.versions import clearing, services
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.index.conftest import Service
from tests.versions.asking import Asking
from tests.versions.conftest import Receive, made_model, serves, settle, text_about
from tests.versions.test_reindexing import assert_whole

Status = IndexVersion.Status


@pytest.fixture
def second_service(service: Service, configured: object, tmp_path: Path) -> Iterator[Service]:
    folder = Path("/tmp") / f"fn-second-{tmp_path.name[-8:]}-{time.monotonic_ns() % 10**6}"
    folder.mkdir(mode=0o700)
    another = Service(folder)
    another.start()
    yield another
    another.stop()


def test_two_index_services_change_over_together_and_neither_fails(
    library: list[Document], service: Service, second_service: Service, other_model: str
) -> None:
    collection = library[0].collection
    both = [Asking(one, collection, ["What is the rule on leave?", "Who parks?"]) for one in (service, second_service)]
    for one in both:
        one.start(1)
    before = IndexVersion.objects.get(status=Status.SERVING)
    version = services.request_version(model=other_model)
    settle(lambda: serves(version))
    time.sleep(0.5)
    for one in both:
        one.stop()
        one.assert_each_came_from_one_version()
        assert one.versions() == [[before.pk, version.pk]]


def test_what_comes_and_goes_during_a_build_is_in_the_version_or_not(
    library: list[Document], receive: Receive, other_model: str, asking: Asking
) -> None:
    asking.start(1)
    version = services.request_version(model=other_model, promote=False)
    for number in range(4):
        receive(f"fresh {number}.md", text_about(40 + number, paragraphs=2))
        delete_document(document=library[number], by=None)
    settle(lambda: Document.objects.filter(status="ready").count() == len(library))
    services.promote_version(version.pk)
    settle(lambda: serves(version))
    asking.stop()
    assert not asking.failed
    assert_whole(version)
    assert not IndexedDocument.objects.filter(document__in=[one.pk for one in library[:4]]).exists()


def test_going_back_takes_in_what_is_newer_first(
    library: list[Document], receive: Receive, service: Service, other_model: str
) -> None:
    first = IndexVersion.objects.get(status=Status.SERVING)
    second = services.request_version(model=other_model)
    settle(lambda: serves(second))
    fresh = receive("bicycles.md", "# Bicycles\n\nBicycles stand in the yard behind the house.")
    settle(lambda: Document.objects.get(pk=fresh.pk).status == "ready")
    services.roll_back()
    settle(lambda: serves(first))
    assert_whole(first)
    passages = set(Passage.objects.filter(document=fresh).values_list("pk", flat=True))
    service.caught_up()
    assert service.found("Where do bicycles stand?", fresh.collection)[0] in passages


def test_only_the_version_before_is_kept_and_what_answers_cite_stays(
    library: list[Document], other_model: str, tmp_path: Path
) -> None:
    first = IndexVersion.objects.get(status=Status.SERVING)
    second = services.request_version(model=other_model)
    settle(lambda: serves(second))
    library[0].collection.chunk_tokens = 60
    library[0].collection.save()
    cited = _cited_passage(library[0])
    third = services.request_version(model=made_model(tmp_path / "third", seed=3))
    settle(lambda: serves(third))
    fourth = services.request_version(model=third.embedding_model)
    settle(lambda: serves(fourth))
    settle(lambda: not clearing.is_owed())
    first.refresh_from_db()
    assert first.cleared_at is not None
    models = PassageVector.objects.values_list("model").annotate(number=Count("pk"))
    assert set(dict(models)) == {third.embedding_model}
    assert Passage.objects.filter(pk=cited.pk).exists()
    of_the_first_cut = Passage.objects.filter(document=library[0], cut=cited.cut)
    assert set(of_the_first_cut) == {cited}
    assert_whole(fourth)
    assert not IndexedDocument.objects.filter(version=first).exists()


def _cited_passage(document: Document) -> Passage:
    passage = document.passages.order_by("ordinal")[0]
    conversation = Conversation.objects.create(owner=User.objects.get(username="boss"))
    message = Message.objects.create(conversation=conversation, role="assistant", text="As stated [1].")
    Citation.objects.create(message=message, number=1, passage=passage, quote="As stated", score=1.0)
    return passage
