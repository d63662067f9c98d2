"""The engine that needs no model: which sentences it quotes, and when it says that there is nothing to quote."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from inference.engine import Embed, Finish, Generation, Source, TextPiece
from inference.engines.extractive import ExtractiveEngine

_QUOTE = re.compile(r"^(?:.* \| .*: )?“(.*)” \[(\d+)\]$", re.M)


class Embedder:
    """Finds no two texts alike, so that the words decide; keeps what it was asked."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.batches.append(list(texts))
        return np.eye(len(texts), dtype=np.float32)


async def _written(question: str, *passages: str, embed: Embed | None = None, written: str = "") -> str:
    sources = tuple(Source(n, f"{n}.md", text, score=1.0) for n, text in enumerate(passages, start=1))
    asked = Generation("turn", question, (), sources, written=written)
    pieces = [piece async for piece in ExtractiveEngine(embed or Embedder()).stream(asked)]
    assert isinstance(pieces[-1], Finish)
    return "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))


async def _quotes(question: str, *passages: str) -> list[str]:
    return [text for text, _ in _QUOTE.findall(await _written(question, *passages))]


async def test_three_sentences_worth_quoting_are_all_quoted_with_their_numbers() -> None:
    text = await _written(
        "How long is parental leave?",
        "Parental leave lasts 14 weeks. The canteen opens at noon.",
        "Parental leave is 20 weeks for twins.",
        "Unpaid parental leave may follow for 8 weeks. Cats are not allowed.",
    )
    assert sorted(_QUOTE.findall(text)) == [
        ("Parental leave is 20 weeks for twins.", "2"),
        ("Parental leave lasts 14 weeks.", "1"),
        ("Unpaid parental leave may follow for 8 weeks.", "3"),
    ]


async def test_a_sentence_that_falls_far_behind_is_left_out() -> None:
    assert await _quotes(
        "When does the Vienna office open on Monday mornings?",
        "The Vienna office opens at 7:30 on Monday mornings. The Graz office has a garden.",
    ) == ["The Vienna office opens at 7:30 on Monday mornings."]


async def test_a_question_that_the_documents_do_not_answer_is_told_so() -> None:
    text = await _written("Who won the chess tournament?", "Everybody has 28 days of leave. The canteen opens at noon.")
    assert text == "The documents do not say, as far as I can find."


@pytest.mark.parametrize("question", ["?", "...", "👍", "¿", "—", "\u200b", "!" * 5000])
async def test_a_question_without_words_is_told_that_the_documents_do_not_say(question: str) -> None:
    text = await _written(question, "Everybody has 28 days of leave.", "Why? The canteen opens at noon.")
    assert text == "The documents do not say, as far as I can find."


@pytest.mark.parametrize(("similarity", "hedged"), [(0.3, True), (0.5, False)])
async def test_quotes_that_come_not_close_are_said_to_be_the_nearest_only(similarity: float, hedged: bool) -> None:
    async def embed(texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0]] + [[similarity, (1 - similarity**2) ** 0.5]] * (len(texts) - 1), dtype=np.float32)

    text = await _written("Who won the chess tournament?", "The office tournament is in May.", embed=embed)
    assert text.startswith("The documents may not answer this.") is hedged
    assert _QUOTE.findall(text) == [("The office tournament is in May.", "1")]


async def test_an_answer_that_was_begun_is_not_contradicted_by_finding_nothing() -> None:
    assert (await _written("Who won?", "The canteen opens at noon.", written="Nobody knows")).strip() == ""


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("Who checks the expense reports?", "The expense reports are checked on arrival by Dana Whitlock."),
        ("When are the expense reports checked?", "The expense reports are checked on arrival in March."),
        ("How many expense reports are checked?", "The expense reports are checked on arrival, twelve each time."),
        ("Wer prüft die expense reports?", "The expense reports are checked on arrival by Dana Whitlock."),
        ("Wann prüft man die expense reports?", "The expense reports are checked on arrival in March."),
        ("Wie viele expense reports prüft man?", "The expense reports are checked on arrival, twelve each time."),
    ],
)
async def test_of_equal_sentences_the_one_with_what_is_asked_for_comes_first(question: str, right: str) -> None:
    text = (
        "The expense reports are checked on arrival at length. "
        "The expense reports are checked on arrival, twelve each time. "
        "The expense reports are checked on arrival by Dana Whitlock. "
        "The expense reports are checked on arrival in march."
    ).replace("march", "March")
    assert (await _quotes(question, text))[0] == right


async def test_a_name_from_the_question_is_not_taken_for_its_answer() -> None:
    quotes = await _quotes(
        "Who leads the Brightwater team?",
        "For years the Brightwater team leads. For years the Brightwater team has Dana Whitlock, who leads.",
    )
    assert "Dana" in quotes[0]


async def test_a_sentence_that_goes_on_about_the_subject_beats_one_about_another() -> None:
    quotes = await _quotes(
        "What does the Aventro warranty cover?",
        "The lease is for cars. It covers tyres and glass.",
        "The Aventro warranty is for vans. It covers engine and gearbox.",
    )
    assert "It covers engine and gearbox." in quotes and "It covers tyres and glass." not in quotes


@pytest.mark.parametrize(
    "heading",
    ["Travel expenses", "What To Do If Travel Expenses Are Late", "Rules for travel expenses in and outside Europe"],
)
async def test_a_heading_is_not_quoted_and_lends_its_words_to_what_follows(heading: str) -> None:
    quotes = await _quotes(
        "What about travel expenses?", f"{heading}\nSend travel receipts to the office within ten days."
    )
    assert quotes == ["Send travel receipts to the office within ten days."]


async def test_a_sentence_below_the_heading_that_was_asked_for_is_quoted_without_sharing_a_word() -> None:
    source = Source(1, "start.md", "Arrive at nine at the reception.", "Onboarding > Your first day", score=1.0)
    asked = Generation("turn", "What do I do on my first day?", (), (source,))
    pieces = [piece async for piece in ExtractiveEngine(Embedder()).stream(asked)]
    assert "“Arrive at nine at the reception.” [1]" in "".join(p.text for p in pieces if isinstance(p, TextPiece))


async def test_what_introduces_a_list_is_not_quoted_without_it() -> None:
    quotes = await _quotes(
        "What does premium travel insurance include?",
        "Premium travel insurance includes:\n- Cover for premium luggage up to 900 euros\n- Travel home by ambulance",
    )
    assert quotes and not any(quote.endswith(":") for quote in quotes)


async def test_the_header_of_a_table_is_not_quoted_and_lends_its_words_to_the_rows() -> None:
    assert await _quotes(
        "Which amount needs approved signatures?",
        "Amount | Approved by\nup to 500 euros | signatures of the team lead\nmore | the board",
    ) == ["up to 500 euros | signatures of the team lead"]


async def test_a_row_of_a_table_is_quoted_below_what_its_columns_are_called() -> None:
    table = "Plan | Price | Seats\nBasic | 10 euros | 5\nPremium | 30 euros | 50\nPremium prices rise in May."
    assert await _written("What is the price of the premium plan?", table) == (
        "“Premium prices rise in May.” [1]\n\nPlan | Price | Seats: “Premium | 30 euros | 50” [1]"
    )
    odd = "Plan | Price\nPremium | 30 euros | 50"
    assert await _written("What is the price of premium?", odd) == "“Premium | 30 euros | 50” [1]"


async def test_the_overlap_of_two_passages_is_quoted_once() -> None:
    shared = "Parental leave lasts 14 weeks."
    assert await _quotes("How long is parental leave?", f"Hello all. {shared}", f"{shared} More follows.") == [shared]


async def test_a_very_long_sentence_is_cut_between_words() -> None:
    (quote,) = await _quotes("Which parental leave?", "Parental leave " + "is wonderful " * 100)
    assert len(quote) <= 603 and quote.endswith((" is …", " wonderful …"))


async def test_however_long_the_passages_few_sentences_are_embedded() -> None:
    embed = Embedder()
    passages = [" ".join(f"Leave number {n} of part {p} is granted." for n in range(40)) for p in range(10)]
    text = await _written("Which leave is granted in part 3, number 7?", *passages, embed=embed)
    assert sum(map(len, embed.batches)) <= 20
    assert "Leave number 7 of part 3 is granted." in text


async def test_without_an_embedder_the_words_decide() -> None:
    async def broken(texts: Sequence[str]) -> np.ndarray:
        raise ConnectionError

    source = Source(1, "leave.md", "The canteen opens at noon. Parental leave lasts 14 weeks.", score=1.0)
    asked = Generation("turn", "How long is parental leave?", (), (source,))
    pieces = [piece async for piece in ExtractiveEngine(broken).stream(asked)]
    assert pieces[0] == TextPiece("“Parental leave lasts 14 weeks.” [1]")
