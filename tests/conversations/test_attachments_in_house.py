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


@pytest.fixture
def endpoint() -> Iterator[tuple[Endpoint, str]]:
    double = Endpoint()
    with served(Starlette(routes=[Route("/v1/moderations", double.moderations, methods=["POST"])])) as url:
        yield double, f"{url}/v1/moderations"


@pytest.fixture
def ask(
    folder: Path, index_double: FakeIndex, model: ModelDouble, endpoint: tuple[Endpoint, str], cast: Cast,
    attached: dict[str, Any], handbook: Document,
) -> Iterator[Ask]:  # fmt: skip
    """Two questions and a changed one, in the chat to which alice attached a file; `settings`: of a web process."""
    FilterRule.objects.create(what="toxicity", where="question", action="block", when_away="open")
    begun: list[Web] = []

    def _ask(settings: dict[str, str], **narrowed: Any) -> None:
        if not begun:
            moderated = {"CHATAPP_MODERATION_URL": endpoint[1], "CHATAPP_MODERATION_KEY": "k"}
            begun.append(Web(folder, index_double.url, model.url, "", **moderated, **settings))
            begun[0].start()
        with Client(begun[0], cast.alice).socket() as socket:
            accepted = socket.ask(QUESTION, conversation=attached["conversation"], **narrowed)
            socket.until("done")
            socket.ask("And then?", conversation=attached["conversation"], parent=accepted["answer"], **narrowed)
            socket.until("done")
            socket.send({"type": "edit", "id": "e", "message": accepted["question"], "text": f"{QUESTION} Please."})
            socket.until("done")

    yield _ask
    for web in begun:
        web.end()


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


def test_else_both_are_asked(ask: Ask, endpoint: tuple[Endpoint, str], model: ModelDouble) -> None:
    model.words = ["90 kilograms [1]."]
    ask({})
    assert [one["input"] for one in endpoint[0].asked][:1] == [QUESTION] and len(model.calls) == 3
