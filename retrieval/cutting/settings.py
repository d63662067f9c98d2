"""How the documents of a collection are cut: sizes, whose tokens are counted, and a key that names all of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.conf import settings

from retrieval.contracts import Chunk, ParsedDocument
from retrieval.cutting.chunking import chunk_document
from retrieval.embedders.tokenizer import load_tokenizer, most_tokens, tokenizer_digest
from retrieval.models import Collection

VERSION = 3  # of the rules in retrieval.cutting.chunking: the same settings of another version cut otherwise
LEAST_TOKENS = 40


@dataclass(frozen=True, slots=True)
class CutSettings:
    """Two models that count tokens alike share a cut: passages need not be made again for the second."""

    tokens: int
    overlap: int
    model: str

    @property
    def key(self) -> str:
        told = f"{VERSION} {self.tokens} {self.overlap} {tokenizer_digest(self.model)}"
        return hashlib.sha256(told.encode()).hexdigest()[:16]


def settings_of(collection: Collection, model: str) -> CutSettings:
    """What the collection asks for, or else the house, within what the model reads."""
    house = settings.RETRIEVAL
    return bounded(collection.chunk_tokens or house.chunk_tokens, _overlap(collection), model)


def _overlap(collection: Collection) -> int:
    own = collection.chunk_overlap_tokens
    return int(settings.RETRIEVAL.chunk_overlap_tokens if own is None else own)


def bounded(tokens: int, overlap: int, model: str) -> CutSettings:
    """Passages that the model reads whole, at most half of each repeated."""
    tokens = max(LEAST_TOKENS, min(tokens, most_tokens(model)))
    return CutSettings(tokens, max(0, min(overlap, tokens // 2)), model)


def cut_document(parsed: ParsedDocument, how: CutSettings) -> list[Chunk]:
    return chunk_document(
        parsed, count_tokens=load_tokenizer(how.model), max_tokens=how.tokens, overlap_tokens=how.overlap
    )
