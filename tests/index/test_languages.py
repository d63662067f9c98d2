"""Passages are stemmed in their language, which is asked a few times of a document."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from retrieval.contracts import IndexedPassage
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.ranking import languages

ENGLISH = "Everyone who works here has twenty-eight days of leave in each year, and takes them when the office agrees."
GERMAN = "Alle Beschäftigten erhalten in jedem Jahr achtundzwanzig Urlaubstage, die mit dem Büro zu vereinbaren sind."


def passages(texts: list[str], first: int = 0) -> list[IndexedPassage]:
    document, collection = uuid.uuid4(), uuid.uuid4()
    return [IndexedPassage(first + number, document, collection, text) for number, text in enumerate(texts)]


def test_the_language_of_a_long_document_is_asked_three_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    detect = languages.language_of
    monkeypatch.setattr(languages, "language_of", lambda text: asked.append(text) or detect(text))
    index = TantivyIndex()
    index.add([*passages([ENGLISH] * 50), *passages([GERMAN] * 50, 100)])
    assert len(asked) == 6
    assert [one.passage_id >= 100 for one in index.search("Urlaubstag", 3, None)] == [True] * 3


@pytest.mark.parametrize("folder", ["there", "nowhere"])
def test_languages_are_told_apart_with_or_without_a_folder_for_their_tables(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setattr(languages.tables, "folder", tmp_path / folder)
    languages._detector.cache_clear()
    try:
        assert [languages.language_of(text) for text in (ENGLISH, GERMAN)] == ["en", "de"]
    finally:
        languages._detector.cache_clear()
    assert not [*(tmp_path / "there").iterdir()]


def test_each_passage_of_a_document_in_two_languages_is_stemmed_in_its_own() -> None:
    index = TantivyIndex()
    index.add(passages([ENGLISH] * 5 + [GERMAN] * 5))
    assert {one.passage_id for one in index.search("Urlaubstag", 10, None)} == set(range(5, 10))
    assert {one.passage_id for one in index.search("working", 10, None)} == set(range(5))
