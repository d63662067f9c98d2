"""`manage.py ask`: the answer of the page, in a terminal."""

from __future__ import annotations

import dataclasses
import json
import socket
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from chatapp.conversations import engines
from chatapp.conversations.models import Conversation
from chatapp.governance.models import AuditEntry
from chatapp.management.commands import ask as ask_command
from inference.routing.built_in import build_router
from retrieval.models import Document
from tests.conftest import Cast
from tests.ingestion.fake_index import FakeIndex


@pytest.fixture
def configured(settings: Any, index: FakeIndex, folder: Any) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, index_service_url=index.url)


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("ask", *arguments)
    return capsys.readouterr().out


def test_it_prints_the_answer_its_sources_and_who_answered(
    configured: None, handbook: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = ask(capsys, "How many days of leave?")
    assert "28 days of leave a year.” [1]" in printed
    assert "[1] leave.md: Everybody has 28 days" in printed and "answered by quotations, without a model" in printed
    assert not Conversation.objects.exists(), "nothing is stored"
    written = AuditEntry.objects.get(action="turn.ended")
    assert written.whole_detail["question"] == "How many days of leave?" and written.detail["engine"] == "extractive"


def test_it_prints_json(configured: None, handbook: Document, capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(ask(capsys, "How many days of leave?", "--json"))
    assert answer["engine"] == "extractive" and answer["citations"][0]["document"] == "leave.md"
    assert answer["timings"]["first_text"] <= answer["timings"]["total"]


def test_it_asks_as_the_person_that_is_named(
    configured: None, cast: Cast, handbook: Document, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "28 days" in ask(capsys, "How many days of leave?", "--user", "alice")
    assert "do not say" in ask(capsys, "How many days of leave?", "--user", "charlie")


@pytest.mark.parametrize("question", ["?", "...", "👍"])
def test_a_question_without_words_gets_a_polite_answer(
    configured: None, handbook: Document, capsys: pytest.CaptureFixture[str], question: str
) -> None:
    """The double of the index finds everything alike, so that the nearest passages are quoted here."""
    answer = json.loads(ask(capsys, question, "--json"))
    assert answer["engine"] == "extractive" and "28 days" in answer["answer"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("",), "empty"),
        (("x" * 9000,), "9000 characters"),
        (("Why?", "--collection", "Nowhere"), "named 'Nowhere' that you can see. You can see 'Handbook'."),
        (("Why?", "--user", "nobody"), "nobody"),
        (("How many days?", "--collection", "Handbook", "--user", "charlie"), "none yet that you can see"),
    ],
)
def test_what_cannot_be_asked_ends_with_a_sentence(
    configured: None, cast: Cast, handbook: Document, arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("ask", *arguments)


def test_an_engine_that_failed_before_is_told_beside_the_answer(
    configured: None,
    handbook: Document,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        told = {"api_base_url": url, "api_model": "phi-5", "retries": 0}
        settings.INFERENCE = dataclasses.replace(settings.INFERENCE, **told)
        route = build_router(settings.INFERENCE, engines.embed)
        monkeypatch.setattr(ask_command, "get_router", lambda: route)
        call_command("ask", "How many days of leave?", "--json")
    printed, errors = capsys.readouterr()
    assert json.loads(printed)["engine"] == "extractive"
    assert "phi-5 cannot be reached." in errors.splitlines()


@pytest.mark.parametrize(
    ("engine", "label"),
    [
        ("local: phi", "phi (on this server)"),
        ("local:", "a model (on this server)"),
        ("api: gpt: x", "gpt: x (over an API)"),
        ("other", "other"),
    ],
)
def test_engines_are_called_as_on_the_page(engine: str, label: str) -> None:
    assert engines.engine_label(engine) == label


def test_without_an_index_it_says_so_and_fails(configured: None, handbook: Document, index: FakeIndex) -> None:
    index.stop()
    try:
        with pytest.raises(CommandError, match="index"):
            call_command("ask", "How many days?")
    finally:
        index.start()
