"""A second look at the best passages: only where a model is configured, never longer than allowed, never a failure."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from retrieval.contracts import PassageHit
from retrieval.index.reranking import LOOKED_AT, Reranker, configured
from retrieval.models import Collection, Document
from tests.index.conftest import Service, ids

TEXTS = {number: f"passage {number}" for number in range(1, 26)}
HITS = [PassageHit(number, 1 - number / 100, 0.5, 1.0) for number in TEXTS]


class LastIsBest:
    """Stands in for a model: the higher the number of a passage, the better."""

    def __init__(self, seconds: float = 0.0, error: Exception | None = None) -> None:
        self.seconds, self.error = seconds, error

    def scores(self, question: str, texts: Sequence[str]) -> list[float]:
        time.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return [float(text.split()[-1]) for text in texts]


def _looked_again(model: LastIsBest, seconds: float = 5.0) -> list[PassageHit]:
    return Reranker(model, lambda passages: {one: TEXTS[one] for one in passages}, seconds).rerank("Which?", HITS)


def test_the_best_passages_come_in_the_order_of_the_model_and_the_others_behind_them() -> None:
    again = _looked_again(LastIsBest())
    assert [hit.passage_id for hit in again] == [*range(LOOKED_AT, 0, -1), *range(LOOKED_AT + 1, 26)]
    assert [hit.score for hit in again] == [hit.score for hit in HITS]


def test_where_the_time_is_over_the_ranking_stands() -> None:
    begun = time.monotonic()
    assert _looked_again(LastIsBest(seconds=0.2), seconds=0.3) == HITS
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), ValueError("odd text"), OSError("no device")])
def test_where_the_model_fails_the_ranking_stands(error: Exception) -> None:
    assert _looked_again(LastIsBest(error=error)) == HITS


def test_without_a_folder_nothing_is_looked_at_again(tmp_path: Path) -> None:
    assert configured("", "", 1.0) is None
    assert configured(str(tmp_path / "missing"), "", 1.0) is None


@pytest.mark.slow
def test_a_folder_that_holds_no_model_leaves_searches_as_they_are(tmp_path: Path) -> None:
    assert configured(str(tmp_path), "", 1.0) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_index_service_orders_what_it_finds_by_the_model_in_its_settings(
    collection: Collection,
    publish: Callable[[Collection, str, Sequence[str]], Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["Leave is 28 days a year.", "Leave lapses on 31 March.", "Leave is asked for two weeks before."]
    document = publish(collection, "leave.md", texts)
    folder = _tiny_model(tmp_path / "model")
    monkeypatch.setenv("RETRIEVAL_RERANKER_MODEL", str(folder))
    monkeypatch.setenv("RETRIEVAL_RERANKER_SECONDS", "20")
    service = Service(tmp_path)
    service.start()
    try:
        service.caught_up()
        found = service.found("When does leave lapse?", collection)
    finally:
        service.stop()
    from retrieval.embedders.sentence_transformer import CrossEncoderModel

    scores = CrossEncoderModel(folder).scores("When does leave lapse?", texts)
    by_score = sorted(zip(scores, ids(document), strict=True), reverse=True)
    assert found == [passage for _, passage in by_score]


def _tiny_model(folder: Path) -> Path:
    """One layer with random weights: it knows nothing, but it has an opinion."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    torch.manual_seed(20)
    folder.mkdir()
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=1,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder
