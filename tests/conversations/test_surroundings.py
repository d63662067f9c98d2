"""What stands around the best passages: shown to the model beside them, and cited as part of them."""

from __future__ import annotations

from typing import Any

import pytest

from retrieval.cutting.neighbours import next_to
from retrieval.models import Document, Passage
from tests.conversations.conftest import PASSAGES
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client
from tests.ingestion.fake_index import FakeIndex

BEGINNING, END = "This page is about holidays. Part-time staff have a share of it.", "It is kept until then."
LONG = "Nobody reads this far. " * 100


@pytest.fixture
def middle(handbook: Document, index: FakeIndex) -> Passage:
    """Found alone, between one that it repeats the end of, one in two passages, and those of another cut."""
    Passage.objects.filter(document=handbook).update(cut="old")
    repeated = "Whoever leaves is paid out."
    texts = [f"{BEGINNING} {repeated}", f"{repeated} {PASSAGES[0]}", f"{END} {LONG}"]
    rows = [Passage.objects.create(document=handbook, ordinal=n, text=text, cut="new") for n, text in enumerate(texts)]
    index.hits = [{"passage_id": rows[1].pk, "score": 0.9, "dense": 0.8, "lexical": 5.0}]
    return rows[1]


def test_a_model_is_shown_whole_sentences_from_both_sides_within_bounds(
    alice: Client, model: ModelDouble, middle: Passage
) -> None:
    with alice.socket() as socket:
        socket.ask()
        frames = socket.until("done")
    (sources,) = [frame["sources"] for frame in frames if frame["type"] == "sources"]
    assert [one["passage"] for one in sources] == [middle.pk]
    prompt = model.calls[-1]["messages"][-1]["content"]
    before = BEGINNING.replace(". ", ".\n")
    assert f"[1] leave.md\n(just before: {before})\n{middle.text}\n(just after: {END}\n" in prompt
    assert prompt.count("Whoever leaves") == 1, "what cutting repeats is shown once"
    assert 5 < prompt.count("Nobody reads this far.") < 30


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("Others have less: “Part-time staff have a share of it.” [1]", "Part-time staff have a share of it."),
        (f"“{PASSAGES[0]}” [1]", PASSAGES[0]),
        ("All have 28 days of leave a year. [1]", PASSAGES[0]),
    ],
)
def test_a_quotation_from_around_a_passage_cites_that_passage(
    alice: Client, model: ModelDouble, middle: Passage, said: str, quote: str
) -> None:
    model.words = [said]
    with alice.socket() as socket:
        accepted = socket.ask()
        frames = socket.until("done")
    (cited,) = [frame["citations"] for frame in frames if frame["type"] == "citations"]
    assert [(one["passage"], one["quote"]) for one in cited] == [(middle.pk, quote)]
    (stored,) = alice.message(accepted)["citations"]
    assert stored["quote"] == quote


def test_neighbours_that_are_sources_themselves_are_not_shown_twice(
    alice: Client, model: ModelDouble, handbook: Document
) -> None:
    with alice.socket() as socket:
        socket.ask()
        socket.until("done")
    prompt = model.calls[-1]["messages"][-1]["content"]
    assert "(just " not in prompt and all(prompt.count(text) == 1 for text in PASSAGES)


def test_letters_that_two_passages_share_by_chance_are_kept(db: Any, handbook: Document) -> None:
    here = Passage.objects.get(ordinal=1)
    Passage.objects.filter(ordinal=0).update(text="It ends in: Carried")
    (near,) = next_to([here.pk])[here.pk]
    assert (near.text, near.before) == ("It ends in: Carried", True)
