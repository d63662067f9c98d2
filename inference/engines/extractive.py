"""The engine that needs no model: the sentences of the sources that answer best, quoted, each with its citation.

A sentence scores by its similarity to the question (embedding), by the question's words that it holds or that stand
just before it, by pairs of them in the question's order, by the score of its passage, and by whether it brings what
the question asks for (a number, a date, a name) beside the question's own.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from inference.engine import Embed, Finish, Generation, Piece, Source, TextPiece, Usage
from inference.prompts import DOUBTFUL
from inference.sentences import columns_of, content_words, is_heading, is_lead_in, raw_words, sentences

_SENTENCES = 200
_EMBEDDED = 12  # the best by their words: embedding is nearly all of the waiting, and later ones are hardly ever quoted
_QUOTES = 3
_QUOTE_CHARACTERS = 600
# Fitted to SQuAD questions and rounded; see benchmarks/extractive.py. A rare word shared with the question counts most.
MEANING, WORDS, PAIRS, WORDS_BEFORE, PASSAGE, ASKED_FOR = 0.45, 0.6, 0.15, 0.2, 0.4, 0.15
WORDS_OF_HEADING = 0.4  # not fitted, SQuAD has none; a heading says more of what is below it than a sentence does
_RELATED = 0.28  # below this similarity, without two shared words, a sentence does not answer anything
_LIKELY = 0.4  # of the most similar sentence: 1 % of SQuAD questions are below it, 2 in 3 of those on other subjects
_LATER = 0.5  # below the best score: a further quote that falls behind by more distracts

_NUMBER_WORD = re.compile(
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand|million|billion|half|"
    r"zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf|hundert|tausend|million(?:en)?",
    re.I,
)
_DATE_WORD = re.compile(
    r"(?:Jan|Feb|Mar|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)[a-zä]*|"
    r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|(?:Mon|Diens|Donners|Frei|Sams|Sonn)tags?|Mittwochs?|"
    r"(?:century|day|week|month|year|Jahrhundert|Tag|Woche|Monat|Jahr)(?:s|e|n|en)?"
)
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|old|far|large|big|often|tall)\b|\bwhat (?:percent|number|year|amount)|"
    r"\bwie ?(?:viele?|lange?|oft|hoch|alt|weit|groß)\b",
    re.I,
)
_ASKS_DATE = re.compile(
    r"\bwhen\b|\bwhat (?:date|day|month|time|century|decade)\b|\bwann\b|\bwelche[mns]? (?:Jahr|Tag|Monat)", re.I
)
_ASKS_NAME = re.compile(r"\b(?:who|whom|whose|where|wer|wem|wen|wo)\b|\bwhich (?:person|country|city|company)\b", re.I)


@dataclass(frozen=True, slots=True)
class Candidate:
    source: Source
    text: str
    words: tuple[str, ...]
    heading: frozenset[str]  # words of the headings above it
    before: frozenset[str]  # words of what introduces its list, and of the sentence before it
    columns: str = ""  # of a table's row: what the table calls its cells

    def shares(self, asked: set[str]) -> bool:
        """Two words of the question, with its headings; one of them may stand before the sentence."""
        own = asked & self.heading.union(self.words)
        return len(own) >= 2 or (len(own) == 1 and len(own | (asked & self.before)) >= 2)


@dataclass(frozen=True, slots=True)
class Quote:
    source: Source
    text: str
    score: float
    related: bool
    likely: bool  # whether anything in the sources comes close enough to the question to answer it
    columns: str = ""

    @property
    def said(self) -> str:
        """Word for word between the quotation marks. A row without the names of its columns says little."""
        names = f"{self.columns}: " if self.columns else ""
        return f"{names}“{' '.join(self.text.split())}” [{self.source.number}]"


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
        scores = word_scores(question, candidates)
        kept = sorted(range(len(candidates)), key=lambda i: -scores[i])[:_EMBEDDED]
        similarity = await self._similarity(question, [candidates[i].text for i in kept])
        likely = _likely(sources, similarity)
        asked = set(content_words(question))
        quotes = []
        for i, meaning in zip(kept, similarity.tolist(), strict=True):
            candidate = candidates[i]
            related = meaning >= _RELATED or candidate.shares(asked)
            score = scores[i] + MEANING * meaning
            quotes.append(Quote(candidate.source, candidate.text, score, related, likely, candidate.columns))
        return _chosen(quotes)

    async def _similarity(self, question: str, texts: list[str]) -> npt.NDArray[np.float32]:
        try:
            vectors = await self._embed([question, *texts])
        except Exception:  # noqa: BLE001 - the last resort must answer whatever the embedder's error is
            return np.zeros(len(texts), dtype=np.float32)
        return vectors[1:] @ vectors[0]


def _likely(sources: Sequence[Source], similarity: npt.NDArray[np.float32]) -> bool:
    """Whether the sources answer at all: as sure as the search is, else by the most similar sentence."""
    if (known := next((one.confidence for one in sources if one.confidence is not None), None)) is not None:
        return known >= DOUBTFUL
    return not similarity.any() or float(similarity.max()) >= _LIKELY  # all zero: no embedder, nothing known


def _candidates(sources: Sequence[Source]) -> list[Candidate]:
    """What may be quoted. Passages overlap, so that the same sentence may come twice."""
    found: dict[str, Candidate] = {}
    for source in sources:
        heading, lead_in, before = source.heading, "", ""
        pieces = sentences(source.text)
        for above, piece, after in zip(["", *pieces[:-1]], pieces, [*pieces[1:], ""], strict=True):
            if is_heading(piece, after):
                heading, lead_in, before = f"{source.heading} {piece}", "", ""
            elif is_lead_in(above, piece, after):
                lead_in, before = piece, ""
            else:
                above_it, context = (frozenset(content_words(text)) for text in (heading, f"{lead_in} {before}"))
                words, columns = tuple(content_words(piece)), columns_of(piece, lead_in)
                candidate = Candidate(source, _shortened(piece), words, above_it, context, columns)
                found.setdefault(piece.casefold(), candidate)
                before = piece
    return list(found.values())[:_SENTENCES]


def _shortened(sentence: str) -> str:
    if len(sentence) <= _QUOTE_CHARACTERS:
        return sentence
    return sentence[:_QUOTE_CHARACTERS].rsplit(maxsplit=1)[0] + " …"


def word_scores(question: str, candidates: Sequence[Candidate]) -> list[float]:
    """All of a sentence's score but its meaning."""
    asked = content_words(question)
    rarity = _rarity(asked, candidates)
    whole = sum(rarity.values()) or 1.0  # a question may hold no words at all
    pairs = set(pairwise(asked))
    own = {word.lower() for word in raw_words(question)}
    best_passage = max(candidate.source.score for candidate in candidates) or 1.0
    scores = []
    for candidate in candidates:
        score = _share(rarity, candidate) / whole
        score += PAIRS * len(pairs.intersection(pairwise(candidate.words))) / max(len(pairs), 1)
        score += PASSAGE * candidate.source.score / best_passage
        score += ASKED_FOR * _brings(candidate.text, question, own)
        scores.append(score)
    return scores


def _share(rarity: dict[str, float], candidate: Candidate) -> float:
    """Each word of the question counts once, where it counts most."""
    held = rarity.keys() & set(candidate.words)
    above = (rarity.keys() & candidate.heading) - held
    before = (rarity.keys() & candidate.before) - held - above
    weighted = ((WORDS, held), (WORDS_OF_HEADING, above), (WORDS_BEFORE, before))
    return sum(weight * sum(rarity[word] for word in words) for weight, words in weighted)


def _rarity(asked: Sequence[str], candidates: Sequence[Candidate]) -> dict[str, float]:
    """Of each word of the question among the sentences at hand: the inverse document frequency of BM25."""
    held = Counter(word for candidate in candidates for word in set(candidate.words))
    return {
        word: math.log(1 + (len(candidates) - held[word] + 0.5) / (held[word] + 0.5)) for word in dict.fromkeys(asked)
    }


def _brings(text: str, question: str, own: set[str]) -> bool:
    """Whether a sentence holds a number, date or name as asked for, which is not in the question already."""
    new = [(i, word) for i, word in enumerate(raw_words(text)) if word.lower() not in own]
    if _ASKS_NUMBER.search(question):
        return any(_has_digit(word) or _NUMBER_WORD.fullmatch(word) for _, word in new)
    if _ASKS_DATE.search(question):
        return any(_has_digit(word) or _DATE_WORD.fullmatch(word) for _, word in new)
    if _ASKS_NAME.search(question):
        return any(i > 0 and word[0].isupper() for i, word in new)
    return False


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _chosen(quotes: Sequence[Quote]) -> list[Quote]:
    ranked = sorted((quote for quote in quotes if quote.related), key=lambda quote: -quote.score)
    return [quote for quote in ranked[:_QUOTES] if quote.score >= ranked[0].score - _LATER]


def _written(quotes: Sequence[Quote], *, continuing: bool) -> str:
    if not quotes:
        return "\n\n" if continuing else "The documents do not say, as far as I can find."
    lines = "\n\n".join(quote.said for quote in quotes)
    if continuing:
        return f"\n\nThe documents say:\n\n{lines}"
    return lines if quotes[0].likely else f"The documents may not answer this. The nearest that they say:\n\n{lines}"
