"""The engine that needs no model: the sentences of the sources that answer best, quoted, each with its citation.

A sentence scores by its similarity to the question (embedding), by the question's words that it holds (BM25 over the
sentences at hand), by the rank of its passage, and by whether it holds what the question asks for (a date, a number, a
name).
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from inference.engine import Embed, Finish, Generation, Piece, Source, TextPiece, Usage
from inference.sentences import content_words, sentences

_PASSAGES = 5
_SENTENCES = 80
_QUOTES = 3
_QUOTE_CHARACTERS = 600
# As far as measured on SQuAD questions, equal weights for meaning and words beat either alone.
DENSE, LEXICAL, PASSAGE, ASKED_FOR = 0.5, 0.5, 0.2, 0.08
_RELATED = 0.28  # below this similarity, without a shared word, a sentence does not answer anything
_LATER = 0.72  # of the best score: a further quote below it distracts

_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|million|half)\b", re.I
)
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d{2})\b|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b|\b\d{1,2}[:.]\d{2}\b|"
    r"\b(?:century|day|week|month|year|o'clock|a\.m|p\.m)s?\b"
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-ZÀ-Þ][\w'-]+")
_ASKS = (
    (
        re.compile(
            r"\b(?:how (?:many|much|long|old|far|large|big|often|tall)|what (?:percent|number|year|amount))\b", re.I
        ),
        _NUMBER,
    ),
    (re.compile(r"\b(?:when|what (?:year|date|day|month|time|century|decade))\b", re.I), _DATE),
    (re.compile(r"\b(?:who|whom|whose|where|which (?:person|country|city|company))\b", re.I), _NAME),
)


@dataclass(frozen=True, slots=True)
class Quote:
    source: Source
    text: str
    score: float
    similarity: float


class ExtractiveEngine:
    name = "extractive"
    outside = False

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    async def health(self) -> str:
        return ""

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:
        """Yields one piece a quote. Without an embedder the words alone decide."""
        quotes = await self.quotes(request.question, request.sources)
        text = _written(quotes, continuing=bool(request.written))
        for line in text.splitlines(keepends=True):
            yield TextPiece(line)
            await asyncio.sleep(0)  # a stop gets its turn
        yield Finish("stop", Usage(prompt_tokens=0, completion_tokens=0))

    async def quotes(self, question: str, sources: Sequence[Source]) -> list[Quote]:
        """Best first, at most three; empty when nothing in the sources is related to the question."""
        candidates = _candidates(sources)
        if not candidates:
            return []
        similarity = await self._similarity(question, [text for _, text in candidates])
        ranked = rank(question, candidates, similarity)
        return _chosen(ranked, question)

    async def _similarity(self, question: str, texts: list[str]) -> npt.NDArray[np.float32]:
        try:
            vectors = await self._embed([question, *texts])
        except Exception:  # noqa: BLE001 - the last resort must answer whatever the embedder's error is
            return np.zeros(len(texts), dtype=np.float32)
        return vectors[1:] @ vectors[0]


def _candidates(sources: Sequence[Source]) -> list[tuple[Source, str]]:
    found, seen = [], set()
    for source in sources[:_PASSAGES]:
        for sentence in sentences(source.text):
            key = sentence.casefold()
            if key not in seen and not _is_heading(sentence):
                seen.add(key)
                found.append((source, sentence[:_QUOTE_CHARACTERS]))
    return found[:_SENTENCES]


def _is_heading(sentence: str) -> bool:
    """A few words without a full stop or a figure name a subject and say nothing about it."""
    return len(sentence.split()) < 5 and not re.search(r"[.!?\d|:%€$]", sentence)


def rank(question: str, candidates: Sequence[tuple[Source, str]], similarity: npt.NDArray[np.float32]) -> list[Quote]:
    bm25 = _bm25(content_words(question), [content_words(f"{text}") for _, text in candidates])
    best_passage = max((source.score for source, _ in candidates), default=0.0) or 1.0
    wanted = next((shape for asks, shape in _ASKS if asks.search(question)), None)
    quotes = []
    for (source, text), dense, lexical in zip(candidates, similarity, bm25, strict=True):
        score = DENSE * float(dense) + LEXICAL * lexical + PASSAGE * source.score / best_passage
        if wanted is not None and wanted.search(text):
            score += ASKED_FOR
        quotes.append(Quote(source, text, score, float(dense)))
    return sorted(quotes, key=lambda quote: -quote.score)


def _bm25(question: list[str], documents: list[list[str]], k1: float = 1.2, b: float = 0.5) -> list[float]:
    """Over the sentences at hand, divided by the best one's score. Robertson and Zaragoza, 2009."""
    holds = Counter(word for words in documents for word in set(words))
    mean = sum(map(len, documents)) / max(len(documents), 1) or 1.0
    scores = []
    for words in documents:
        counts = Counter(words)
        score = 0.0
        for word in set(question):
            if tf := counts[word]:
                idf = math.log(1 + (len(documents) - holds[word] + 0.5) / (holds[word] + 0.5))
                score += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(words) / mean))
        scores.append(score)
    best = max(scores, default=0.0) or 1.0
    return [score / best for score in scores]


def _chosen(ranked: list[Quote], question: str) -> list[Quote]:
    asked = set(content_words(question))
    related = [q for q in ranked if q.similarity >= _RELATED or len(asked & set(content_words(q.text))) >= 2]
    if not related:
        return []
    best = related[0].score
    return [q for q in related[:_QUOTES] if q.score >= _LATER * best]


def _written(quotes: list[Quote], *, continuing: bool) -> str:
    if not quotes:
        return "\n\n" if continuing else "The documents do not say, as far as I can find."
    lines = "\n\n".join(f"“{' '.join(q.text.split())}” [{q.source.number}]" for q in quotes)
    return f"\n\nThe documents say:\n\n{lines}" if continuing else lines
