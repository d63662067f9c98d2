"""Search for a person and from the command line: the index is asked for, and believed, only what may be read."""

from __future__ import annotations

import json
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.core.management import call_command

from chatapp.accounts.models import User
from chatapp.commands import Error
from chatapp.documents.search import asearch_passages, search_passages
from chatapp.errors import Invalid
from retrieval.errors import IndexUnavailable
from retrieval.models import Collection, Document, Passage
from tests.documents.conftest import MakeDocument
from tests.ingestion.fake_index import FakeIndex

People = dict[str, User | None]


@pytest.fixture
def found(configured: Any, index: FakeIndex, make_document: MakeDocument) -> Document:
    """A document that the index service answers every question with, whoever asks."""
    document = make_document("leave.md", "Everyone has 28 days.", path="handbook/leave.md")
    passage = Passage.objects.get()
    index.hits = [{"passage_id": passage.pk, "score": 0.9, "dense": 0.8, "lexical": 3.0}]
    return document


@pytest.mark.parametrize(("name", "number"), [("alice", 1), ("bob", 1), ("charlie", 0), ("administrator", 1)])
def test_only_readers_find(name: str, number: int, people: People, found: Document) -> None:
    user = people[name]
    assert user is not None
    assert len(search_passages(user, "How many days?", k=5)) == number


def test_the_request_names_only_what_may_be_read(people: People, found: Document, index: FakeIndex) -> None:
    Collection.objects.create(name="Secret")
    search_passages(people["bob"], "How many days?", k=5)  # type: ignore[arg-type]
    (asked,) = index.searches
    assert (asked["question"], asked["collections"], asked["k"]) == ("How many days?", [str(found.collection_id)], 5)
    assert asked["groups"] == [Group.objects.get(name="members").pk]


def test_a_hit_outside_the_permission_is_dropped(people: People, found: Document) -> None:
    open_one = Collection.objects.create(name="Open", everyone=True)
    assert search_passages(people["charlie"], "How many days?", k=5, collections=frozenset([open_one.pk])) == []  # type: ignore[arg-type]


def test_collections_asked_for_do_not_widen_the_permission(people: People, found: Document, index: FakeIndex) -> None:
    wanted = frozenset([found.collection_id])
    assert search_passages(people["charlie"], "How?", k=5, collections=wanted) == []  # type: ignore[arg-type]
    assert index.searches == []


@pytest.mark.parametrize("status", ["received", "parsing", "embedding"])
def test_a_hit_of_a_document_that_is_not_ready_is_dropped(status: str, people: People, found: Document) -> None:
    Document.objects.update(status=status)
    assert search_passages(people["alice"], "How many days?", k=5) == []  # type: ignore[arg-type]


def test_a_hit_of_a_deleted_document_is_dropped(people: People, found: Document) -> None:
    found.delete()
    assert search_passages(people["alice"], "How many days?", k=5) == []  # type: ignore[arg-type]


async def test_the_web_process_finds_the_same(people: People, found: Document) -> None:
    results = await asearch_passages(people["alice"], "How many days?", k=5)  # type: ignore[arg-type]
    assert [result.passage.document.collection.name for result in results] == ["Private"]
    assert await asearch_passages(people["charlie"], "How many days?", k=5) == []  # type: ignore[arg-type]
    await sync_to_async(found.delete)()
    assert await asearch_passages(people["alice"], "How many days?", k=5) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("question", "k"), [("", 5), (" \n", 5), ("\x00", 5), ("x" * 8001, 5), ("x", 0), ("x", 1000)])
def test_a_question_that_cannot_be_asked_is_refused(question: str, k: int, people: People, found: Document) -> None:
    with pytest.raises(Invalid):
        search_passages(people["alice"], question, k=k)  # type: ignore[arg-type]


def test_an_index_service_that_is_away_is_a_typed_error(people: People, found: Document, index: FakeIndex) -> None:
    index.stop()
    with pytest.raises(IndexUnavailable):
        search_passages(people["alice"], "How?", k=5)  # type: ignore[arg-type]


def run(*arguments: str) -> Any:
    out = StringIO()
    call_command("search", *arguments, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_the_command_prints_json_and_nothing_else(found: Document) -> None:
    expected = {
        "document": "handbook/leave.md",
        "page": 1,
        "text": "Everyone has 28 days.",
        "score": 0.9,
        "confidence": None,
    }
    assert run("How many days?", "--json") == [{"results": [expected]}]


def test_the_command_acts_as_the_person_named(found: Document) -> None:
    assert run("How many days?", "--json", "--user", "charlie") == [{"results": []}]
    with pytest.raises(Error, match="no active person named 'dora'"):
        run("How?", "--user", "dora")


def test_a_batch_answers_each_line_in_order(found: Document, tmp_path: Path, index: FakeIndex) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(json.dumps({"id": n, "question": f"Question {n}?"}) for n in range(150)) + "\n\n")
    lines = run("--batch", str(file), "--json")
    assert [line["id"] for line in lines] == list(range(150))
    assert all(len(line["results"]) == 1 for line in lines)
    assert len(index.searches) == 150


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("{", "Line 2 of .* is not JSON"),
        ("[" * 100_000, "Line 2 of .* is not JSON"),
        ("[]", "Line 2 of .* lacks"),
        ('{"id": 1}', "Line 2 of .* lacks"),
        ('{"question": "x"}', "Line 2 of .* lacks"),
        ('{"id": 1, "question": " "}', "line 2 of .* is empty"),
        ('{"id": 1, "question": "\\u0000"}', "line 2 of .* is empty"),
        ('{"id": 1, "question": "' + "x" * 8001 + '"}', "line 2 of .* is longer than 8000"),
        ('{"id": [["x"]], "question": "x"}', "id in line 2 of .* is neither"),
        ('{"id": ' + "[" * 900 + "]" * 900 + ', "question": "x"}', "nested too deeply"),
        ('{"id": ' + "9" * 5000 + ', "question": "x"}', "Line 2 of .* is not JSON"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_asked(
    line: str, sentence: str, found: Document, tmp_path: Path, index: FakeIndex
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": 0, "question": "x"}\n' + line)
    with pytest.raises(Error, match=sentence):
        run("--batch", str(file))
    assert index.searches == []


@pytest.mark.parametrize("line", ['{"id": "\\ud800", "question": "x"}', '{"id": "é", "question": "\\udfff x"}'])
def test_half_a_character_in_a_line_stops_no_question(line: str, found: Document, tmp_path: Path) -> None:
    """On a standard output that takes UTF-8 alone."""
    file = tmp_path / "questions.jsonl"
    file.write_text(line + '\n{"id": 2, "question": "y"}\n')
    raw = BytesIO()
    out = TextIOWrapper(raw, encoding="utf-8", write_through=True)
    call_command("search", "--batch", str(file), stdout=out)
    lines = [json.loads(one) for one in raw.getvalue().decode().splitlines()]
    assert [one["id"] for one in lines] == [json.loads(line)["id"], 2]
    assert all(one["results"] for one in lines)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--user", "\udcff"), "user is not UTF-8 text"),
        (("--user", ""), "no active person named ''"),
        (("--collection", "\udcff"), "collection is not UTF-8 text"),
        (("--collection", ""), "no collection named ''"),
        (("--collection", "x" * 5000), "no collection named"),
    ],
)
def test_a_name_that_cannot_be_is_a_sentence(found: Document, arguments: tuple[str, str], sentence: str) -> None:
    with pytest.raises(Error, match=sentence):
        run("How?", *arguments)


def test_a_question_that_is_not_wholly_text_is_asked_all_the_same(found: Document) -> None:
    assert run("How many \udcff days?", "--json")[0]["results"]


def test_a_missing_or_foreign_batch_file_is_a_sentence(found: Document, tmp_path: Path) -> None:
    with pytest.raises(Error, match="cannot be read"):
        run("--batch", str(tmp_path / "nowhere"))
    (tmp_path / "latin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Error, match="not UTF-8"):
        run("--batch", str(tmp_path / "latin"))


def test_an_unknown_collection_is_a_sentence(found: Document) -> None:
    with pytest.raises(Error, match="no collection named 'Nowhere'"):
        run("How?", "--collection", "Nowhere")
