"""Which passages a question finds first, and how sure a search is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from retrieval.contracts import Candidate, SearchRequest
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.models import Collection, Document
from retrieval.ranking.diversity import without_repeats_first
from retrieval.ranking.evidence import Evidence, WordsFound
from retrieval.ranking.features import OF_PASSAGES, features
from retrieval.ranking.question import number_of, understood
from retrieval.ranking.ranker import rank
from retrieval.ranking.words import words
from tests.index.conftest import Service, ids

Publish = Callable[[Collection, str, Sequence[str]], Document]

LEAVE = "Employees are entitled to 28 days of paid leave a year; unused leave lapses on 31 March."
PRINTER = "The printer on the second floor takes A3 paper and staples up to fifty sheets."
EXPENSES = "Expenses for travel are repaid within ten working days once receipts have been handed in."


@pytest.mark.parametrize(
    ("name", "passage", "other", "question"),
    [
        (
            "vertrag.md",
            "Alle Arbeitsverträge werden von der Personalabteilung aufbewahrt und nach zehn Jahren vernichtet.",
            "Die Kantine öffnet um elf Uhr und bietet täglich drei verschiedene Gerichte mit Salat an.",
            "Wo liegt mein Arbeitsvertrag?",
        ),
        (
            "假期.md",
            "员工每年享有二十八天带薪年假,未使用的年假于三月底失效。",
            "二楼的打印机可以使用大号纸张,并装订五十张以内的文件。",
            "年假什么时候失效?",
        ),
        (
            "إجازة.md",
            "يحق لكل موظف ثمانية وعشرون يوما من الإجازات المدفوعة في السنة.",
            "الطابعة في الطابق الثاني تقبل الورق الكبير وتدبس خمسين ورقة.",
            "كم يوما مدة الإجازة؟",
        ),
    ],
)
def test_a_question_finds_other_forms_of_its_words_in_its_own_language(
    service: Service, collection: Collection, publish: Publish, name: str, passage: str, other: str, question: str
) -> None:
    publish(collection, "other.md", [other])
    right = publish(collection, name, [passage])
    service.caught_up()
    assert service.found(question, collection)[0] in ids(right)


def test_a_search_is_surer_of_what_the_documents_answer_than_of_what_they_do_not(
    service: Service, collection: Collection, publish: Publish
) -> None:
    publish(collection, "handbook.md", [LEAVE, PRINTER, EXPENSES])
    service.caught_up()
    answered, foreign = (
        service.client.search(SearchRequest(question, frozenset([collection.pk])))[0].confidence
        for question in ("How many days of paid leave do employees have?", "Who won the football world cup in 1954?")
    )
    assert answered is not None and foreign is not None
    assert answered > 0.5 > foreign


def test_a_copy_stands_behind_what_says_something_else(
    service: Service, collection: Collection, publish: Publish
) -> None:
    first = publish(collection, "leave-2025.md", [LEAVE])
    copy = publish(collection, "leave-2026.md", [LEAVE.replace("entitled", "Entitled")])
    other = publish(collection, "printer.md", [PRINTER])
    service.caught_up()
    found = service.found("How many days of paid leave?", collection)
    assert found[0] in ids(first) | ids(copy)
    assert found[1] in ids(other)
    assert found[2] in ids(first) | ids(copy)


def test_the_same_question_gets_the_same_order(service: Service, collection: Collection, publish: Publish) -> None:
    publish(collection, "twins.md", [f"Room {number} has a table and four chairs in it." for number in range(20)])
    service.caught_up()
    orders = {tuple(service.found("Which rooms have chairs?", collection, k=20)) for _ in range(5)}
    assert len(orders) == 1


def test_words_are_the_same_however_they_were_typed() -> None:
    assert words("Müller’s  SO\u00adFTWARE\u200b ﬁles") == words("müller software files")
    assert words("東京の天気") == ["東京", "京の", "の天", "天気"]


def test_a_question_of_common_words_alone_still_asks_for_something() -> None:
    assert understood("What is it?", "en").terms
    assert not understood("?!… \x00", "en").terms


def test_a_question_of_a_page_asks_for_a_bounded_number_of_words() -> None:
    assert len(understood(" ".join(f"word{number}" for number in range(5000)), "en").terms) == 64


def test_vectors_of_an_unknown_model_are_joined_by_the_weight_of_the_settings() -> None:
    found = WordsFound(understood("leave", "en"), (1.0,), tuple(_evidence(one, "leave") for one in (1, 2)))
    dense = [Candidate(2, 0.9), Candidate(1, 0.1)]
    assert rank(found, dense, model="another", dense_weight=1.0, k=1)[0].confidence is None
    assert rank(found, dense, model="another", dense_weight=1.0, k=1)[0].passage_id == 2
    assert rank(found, dense, model=PACKAGED_MODEL, dense_weight=1.0, k=1)[0].confidence is not None


def test_words_in_one_place_beat_the_same_words_apart() -> None:
    asked = understood("annual leave entitlement", "en")
    near = _evidence(1, "filler filler filler annual leave entitlement filler filler filler filler")
    apart = _evidence(2, "annual filler filler filler leave filler filler filler filler entitlement")
    found = WordsFound(asked, (3.0, 3.0, 3.0), (apart, near))
    dense = [Candidate(1, 0.5), Candidate(2, 0.5)]
    assert [hit.passage_id for hit in rank(found, dense, model=PACKAGED_MODEL, dense_weight=0.5, k=2)] == [1, 2]


def test_what_several_passages_of_a_document_say_together_speaks_for_each_of_them() -> None:
    asked = understood("annual leave entitlement", "en")
    texts = {
        1: "annual filler filler",
        2: "leave filler filler",
        3: "entitlement filler filler",
        5: "annual filler filler",
    }
    documents = {1: 1, 2: 1, 3: 1, 5: 2}
    evidence = [replace(_evidence(one, text), document=documents[one]) for one, text in texts.items()]
    found = WordsFound(asked, (3.0, 3.0, 3.0), tuple(evidence))
    seen = features(asked, found, [0.5, 0.6, 0.4, 0.5]).passages
    of = {name: seen[:, OF_PASSAGES.index(name)] for name in OF_PASSAGES}
    assert of["covered"] == pytest.approx([1 / 3] * 4)
    assert of["covered by document"] == pytest.approx([1, 1, 1, 1 / 3])
    assert of["cosine of document"] == pytest.approx([0.6, 0.6, 0.6, 0.5])
    assert of["rank of document by meaning"][0] > of["rank of document by meaning"][3]


def test_short_passages_are_not_taken_for_copies() -> None:
    same = np.arange(5, dtype=np.uint32)
    assert without_repeats_first([0, 1, 2], [same, same, np.arange(9, 20, dtype=np.uint32)], 3) == [0, 1, 2]


def _evidence(passage: int, text: str) -> Evidence:
    question = understood("annual leave entitlement", "en")
    stems = {word: term.stems[0] for word, term in zip(("annual", "leave", "entitlement"), question.terms, strict=True)}
    numbers = [number_of(stems.get(word, word)) for word in text.split()]
    return Evidence(passage, passage, 2.0, np.array(numbers, dtype=np.uint32), 0)
