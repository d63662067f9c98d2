"""The only module that imports tantivy: BM25 over passages, in memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from uuid import UUID

import tantivy

from retrieval.contracts import Candidate, IndexedPassage

_WORD = re.compile(r"\w+", re.UNICODE)
_MAX_WORDS = 64  # a question of a page would otherwise touch every posting list
_HEAP = 50_000_000


class TantivyIndex:
    """English stemming; words of other languages match as written. Filters apply inside the query."""

    def __init__(self) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_text_field("body", stored=False, tokenizer_name="en_stem")
        # Unsigned fields cannot be deleted by term (silently nothing happens): ids that are filtered on are raw text.
        builder.add_text_field("document", stored=False, tokenizer_name="raw")
        builder.add_text_field("collection", stored=False, tokenizer_name="raw")
        builder.add_integer_field("passage", stored=True, indexed=False)
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        self._analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.remove_long(40))
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.stemmer("english"))
            .build()
        )
        self._writer = self._index.writer(_HEAP, 1)
        self._lock = threading.Lock()

    def add(self, passages: Sequence[IndexedPassage]) -> None:
        with self._lock:
            for passage in passages:
                self._writer.add_document(
                    tantivy.Document.from_dict(
                        {
                            "body": passage.text,
                            "document": str(passage.document_id),
                            "collection": str(passage.collection_id),
                            "passage": passage.passage_id,
                        },
                        self._schema,
                    )
                )
            self._commit()

    def remove_documents(self, documents: Sequence[UUID]) -> None:
        with self._lock:
            for document in documents:
                self._writer.delete_documents_by_term("document", str(document))
            self._commit()

    def _commit(self) -> None:
        self._writer.commit()
        self._index.reload()

    def search(self, query: str, k: int, collections: frozenset[UUID]) -> list[Candidate]:
        words = self._words(query)
        if not words or not collections:
            return []
        body = tantivy.Query.boolean_query(
            [(tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "body", word, "freq")) for word in words]
        )
        scope = tantivy.Query.const_score_query(
            tantivy.Query.term_set_query(self._schema, "collection", [str(c) for c in collections]), 0.0
        )
        both = tantivy.Query.boolean_query([(tantivy.Occur.Must, body), (tantivy.Occur.Must, scope)])
        searcher = self._index.searcher()
        found = searcher.search(both, k, count=False).hits
        return [Candidate(int(searcher.doc(address)["passage"][0]), float(score)) for score, address in found]

    def _words(self, query: str) -> list[str]:
        """The question's words as the index holds them, each once: never parsed as query syntax."""
        stems = self._analyzer.analyze(" ".join(_WORD.findall(query)))
        return [w for w in dict.fromkeys(stems) if w not in _STOP_WORDS][:_MAX_WORDS] or stems[:_MAX_WORDS]


_STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be but by for if in into is it no not of on or such that the their then there these they"
        " this to was will with what which who whom how do doe did",
    )
)
