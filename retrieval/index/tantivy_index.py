"""The only module that imports tantivy: BM25 over the stems of passages, in memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from math import ceil
from typing import Any
from uuid import UUID

import numpy as np
import tantivy

from retrieval.contracts import Candidate, IndexedPassage, Places, Scope
from retrieval.index.id_set import Ids, IdSet
from retrieval.ranking.bm25 import bm25, rarity
from retrieval.ranking.evidence import Evidence, WordsFound
from retrieval.ranking.languages import DEFAULT, languages_of, stem
from retrieval.ranking.question import Question, Term, number_of, understood
from retrieval.ranking.words import words

_HEAD = 3  # numbers that stand before a passage's stems: two of its document, and how many are of headings
_HEAP = 50_000_000
# Where a part of all may be found, looking deeper and leaving out the rest is faster than naming documents to the
# engine, down to one passage in sixty or so: 20,000 hits take twice the time of 100, and so does naming 1,000.
_DEEPEST, _MARGIN = 10_000, 1.5
# How many passages of a scope have a word is counted where so few have it at all; else so many of the scope are asked.
_FEW_HITS, _SAMPLE = 5_000, 1_000


class TantivyIndex:
    """Each passage is stemmed in its own language. Filters apply inside the query."""

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("body", stored=False, tokenizer_name="whitespace", index_option="freq")
        # Unsigned fields cannot be deleted by term (silently nothing happens): ids that are filtered on are raw text.
        builder.add_text_field("document", stored=False, tokenizer_name="raw")
        builder.add_text_field("collection", stored=False, tokenizer_name="raw")
        builder.add_integer_field("passage", stored=False, indexed=True, fast=True)
        builder.add_bytes_field("stems", stored=True, indexed=False)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._languages: Counter[str] = Counter()  # of all passages that ever came
        self._writer = self._index.writer(_HEAP, 1)
        self._lock = threading.Lock()

    def add(self, passages: Sequence[IndexedPassage]) -> None:
        self.prepared(passages)()

    def prepared(self, passages: Sequence[IndexedPassage]) -> Callable[[], None]:
        languages = _languages(passages)
        pairs = zip(passages, languages, strict=True)
        documents = [tantivy.Document.from_dict(self._fields(*pair), self._schema) for pair in pairs]

        def add() -> None:
            with self._lock:
                self._languages.update(languages)
                for document in documents:
                    self._writer.add_document(document)
                self._commit()

        return add

    def _fields(self, passage: IndexedPassage, language: str) -> dict[str, object]:
        stems = [stem(word, language) for word in words(passage.text)]
        document = passage.document_id.int & 0xFFFF_FFFF_FFFF_FFFF
        head = [document >> 32, document & 0xFFFF_FFFF, len(words(passage.headings))]
        return {
            "body": " ".join(stems),
            "document": str(passage.document_id),
            "collection": str(passage.collection_id),
            "passage": passage.passage_id,
            "stems": np.array(head + [number_of(one) for one in stems], dtype="<u4").tobytes(),
        }

    def remove_documents(self, documents: Sequence[UUID]) -> None:
        with self._lock:
            for document in documents:
                self._writer.delete_documents_by_term("document", str(document))
            self._commit()

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()

    def search(self, query: str, k: int, scope: Scope | None) -> list[Candidate]:
        question = self._understood(query)
        if not question.terms or (scope is not None and not len(scope.passages)):
            return []
        body = self._any_term(question)
        searcher = self._index.searcher()
        if scope is None:
            return _best(searcher, body, k)
        deep = k + ceil(_MARGIN * k * searcher.num_docs / len(scope.passages))
        if deep <= _DEEPEST:
            hits, ids = _found(searcher, body, deep)
            inside = np.flatnonzero(scope.passages.mask(ids)).tolist()
            if len(hits) < deep or len(inside) >= k:
                return [Candidate(int(ids[place]), float(hits[place][0])) for place in inside[:k]]
        return _best(searcher, self._within(body, scope.places), k)

    def look_up(self, query: str, passages: Sequence[int], scope: Scope | None = None) -> WordsFound:
        """Within a scope, no word counts as more or less rare for what lies outside of it."""
        question = self._understood(query)
        searcher = self._index.searcher()
        among = tantivy.Query.term_set_query(self._schema, "passage", list(passages))
        clauses = [(tantivy.Occur.Must, tantivy.Query.const_score_query(among, 0.0))]
        if question.terms:
            clauses.append((tantivy.Occur.Should, self._any_term(question)))
        hits = searcher.search(tantivy.Query.boolean_query(clauses), max(len(passages), 1), count=False).hits
        ids = searcher.fast_field_values("passage", [address for _, address in hits])
        evidence = [
            _evidence(int(one or 0), float(score), searcher.doc(address)["stems"][0])
            for one, (score, address) in zip(ids, hits, strict=True)
        ]
        rarities = tuple(self._rarity(searcher, term, scope) for term in question.terms)
        if scope is not None:
            scores = bm25(question, rarities, evidence)
            evidence = [replace(one, lexical=float(score)) for one, score in zip(evidence, scores, strict=True)]
        return WordsFound(question, rarities, tuple(sorted(evidence, key=lambda one: one.passage_id)))

    def _rarity(self, searcher: tantivy.Searcher, term: Term, scope: Scope | None) -> float:
        """As BM25 weighs a word."""
        if scope is None:
            return rarity(max(searcher.doc_freq("body", one) for one in term.stems), searcher.num_docs)
        return rarity(max(self._having(searcher, one, scope) for one in term.stems), len(scope.passages))

    def _having(self, searcher: tantivy.Searcher, stem: str, scope: Scope) -> float:
        """How many passages in the scope have a stem; of a frequent one, as a sample of the scope says."""
        having, total = searcher.doc_freq("body", stem), len(scope.passages)
        if not having or not total:
            return 0.0
        query = tantivy.Query.term_query(self._schema, "body", stem, "freq")
        if having <= _FEW_HITS:
            _, ids = _found(searcher, query, having)
            return float(np.count_nonzero(scope.passages.mask(ids)))
        shares = scope.passages.form((id(self), "words"), 0, lambda ids: self._sampled(searcher, ids))
        return shares.get(number_of(stem), 0.0) * total

    def _sampled(self, searcher: tantivy.Searcher, passages: IdSet) -> dict[int, float]:
        """Of passages spread over the set: the share that has each stem, by its number."""
        sample = passages.ids[:: ceil(len(passages) / _SAMPLE)]
        among = tantivy.Query.term_set_query(self._schema, "passage", sample.tolist())
        hits = searcher.search(among, len(sample), count=False).hits
        stems = [np.unique(_evidence(0, 0.0, searcher.doc(address)["stems"][0]).stems) for _, address in hits]
        numbers, counts = np.unique(np.concatenate([*stems, np.zeros(0, dtype=np.uint32)]), return_counts=True)
        return dict(zip(numbers.tolist(), (counts / max(len(hits), 1)).tolist(), strict=True))

    def _within(self, query: tantivy.Query, places: Places) -> tantivy.Query:
        """Documents are counted out before the best are chosen, so nothing that may be found is lost."""
        named = [
            (tantivy.Occur.Should, self._any_of(field, values))
            for field, values in (("collection", places.collections), ("document", places.documents))
            if values
        ]
        inside = tantivy.Query.const_score_query(tantivy.Query.boolean_query(named), 0.0)
        clauses = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, inside)]
        if places.without:
            clauses.append((tantivy.Occur.MustNot, self._any_of("document", places.without)))
        return tantivy.Query.boolean_query(clauses)

    def _any_of(self, field: str, values: Sequence[UUID]) -> tantivy.Query:
        return tantivy.Query.term_set_query(self._schema, field, [str(value) for value in values])

    def _understood(self, query: str) -> Question:
        main = max(self._languages, key=lambda one: (self._languages[one], one), default=DEFAULT)
        return understood(query, main)

    def _any_term(self, question: Question) -> tantivy.Query:
        """Words of the question, never parsed as query syntax; of a word's stems the better one counts."""
        return tantivy.Query.boolean_query([(tantivy.Occur.Should, self._term(term)) for term in question.terms])

    def _term(self, term: Term) -> tantivy.Query:
        stems = [tantivy.Query.term_query(self._schema, "body", one, "freq") for one in term.stems]
        return stems[0] if len(stems) == 1 else tantivy.Query.disjunction_max_query(stems)


def _languages(passages: Sequence[IndexedPassage]) -> list[str]:
    """In the order of the passages; those of a document stand together."""
    documents = (list(group) for _, group in groupby(passages, lambda one: one.document_id))
    return [language for group in documents for language in languages_of([one.text for one in group])]


def _best(searcher: tantivy.Searcher, query: tantivy.Query, k: int) -> list[Candidate]:
    hits, ids = _found(searcher, query, k)
    return [Candidate(one, float(score)) for one, (score, _) in zip(ids.tolist(), hits, strict=True)]


def _found(searcher: tantivy.Searcher, query: tantivy.Query, k: int) -> tuple[list[Any], Ids]:
    """-> score and address of each hit, best first, and the passages that they are"""
    hits = searcher.search(query, k, count=False).hits
    return hits, np.array(searcher.fast_field_values("passage", [address for _, address in hits]), dtype=np.int64)


def _evidence(passage: int, score: float, stored: bytes) -> Evidence:
    numbers = np.frombuffer(stored, dtype="<u4")
    document = int(numbers[0]) << 32 | int(numbers[1])
    return Evidence(passage, document, score, numbers[_HEAD:].astype(np.uint32, copy=False), int(numbers[2]))
