"""Where attached files stay in the house, so do all questions of their chat: from models and from who moderates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from starlette.applications import Starlette
from starlette.routing import Route

from chatapp.safety.models import FilterRule
from retrieval.models import Collection, Document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web
from tests.ingestion.fake_index import FakeIndex
from tests.safety.test_moderation import Endpoint
from tests.served import served

pytestmark = pytest.mark.usefixtures("staged")
QUESTION = "What do the values of my annex mean?"
Ask = Callable[..., None]
Begin = Callable[..., Client]


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, str]]:
    double = Endpoint()
    with served(Starlette(routes=[Route("/v1/moderations", double.moderations, methods=["POST"])])) as url:
        yield double, f"{url}/v1/moderations"


@pytest.fixture
def begin(
    folder: Path, index_double: FakeIndex, model: ModelDouble, endpoint: tuple[Endpoint, str], cast: Cast,
    handbook: Document,
) -> Iterator[Begin]:  # fmt: skip
    """Alice, at a web process of its own that asks the endpoint, with these `settings` beside."""
    FilterRule.objects.create(what="toxicity", where="question", action="block", when_away="open")
    begun: list[Web] = []

    def _begin(**settings: str) -> Client:
        if not begun:
            moderated = {"CHATAPP_MODERATION_URL": endpoint[1], "CHATAPP_MODERATION_KEY": "k"}
            begun.append(Web(folder, index_double.url, model.url, "", **moderated, **settings))
            begun[0].start()
        return Client(begun[0], cast.alice)

    yield _begin
    for web in begun:
        web.end()


@pytest.fixture
def ask(begin: Begin, attached: dict[str, Any]) -> Ask:
    """Two questions and a changed one, in the chat to which alice attached a file."""

    def _ask(settings: dict[str, str], **narrowed: Any) -> None:
        with begin(**settings).socket() as socket:
            accepted = socket.ask(QUESTION, conversation=attached["conversation"], **narrowed)
            socket.until("done")
            socket.ask("And then?", conversation=attached["conversation"], parent=accepted["answer"], **narrowed)
            socket.until("done")
            socket.send({"type": "edit", "id": "e", "message": accepted["question"], "text": f"{QUESTION} Please."})
            socket.until("done")

    return _ask


def test_the_setting_keeps_them_though_nothing_was_found(
    ask: Ask, endpoint: tuple[Endpoint, str], model: ModelDouble, index: FakeIndex
) -> None:
    index.hits = []
    ask({"CHATAPP_ATTACHMENTS_STAY_IN_HOUSE": "true"})
    assert (endpoint[0].asked, model.calls) == ([], [])


def test_a_collection_that_stays_in_house_keeps_them_however_a_question_is_narrowed(
    ask: Ask, endpoint: tuple[Endpoint, str], model: ModelDouble, handbook: Document
) -> None:
    Collection.objects.create(name="Vault", stays_in_house=True).readers.set(Group.objects.all())
    ask({}, collections=[str(handbook.collection_id)])
    assert (endpoint[0].asked, model.calls) == ([], [])


@pytest.mark.parametrize("again", [{"type": "regenerate"}, {"type": "ask", "text": "And what does the handbook say?"}])
def test_a_question_that_was_asked_of_what_stays_is_not_sent_when_another_collection_is_chosen(
    begin: Begin, endpoint: tuple[Endpoint, str], model: ModelDouble, handbook: Document, again: dict[str, str]
) -> None:
    vault = Collection.objects.create(name="Vault", stays_in_house=True)
    vault.readers.set(Group.objects.all())
    with begin().socket() as socket:
        first = socket.ask("Which merger is planned?", collections=[str(vault.pk)])
        socket.until("done")
        Collection.objects.filter(pk=vault.pk).update(everyone=False)
        vault.readers.clear()  # what it was asked of counts, also where they may not read it any more
        other = {"id": "b", "collections": [str(handbook.collection_id)]}
        where = {"message": first["answer"]} if again["type"] == "regenerate" else {
            "conversation": first["conversation"], "parent": first["answer"]
        }  # fmt: skip
        socket.send({**again, **other, **where})
        socket.until("done")
    assert "Which merger is planned?" not in [one["input"] for one in endpoint[0].asked] and model.calls == []


def test_else_both_are_asked(ask: Ask, endpoint: tuple[Endpoint, str], model: ModelDouble) -> None:
    model.words = ["90 kilograms [1]."]
    ask({})
    assert [one["input"] for one in endpoint[0].asked][:1] == [QUESTION] and len(model.calls) == 3
