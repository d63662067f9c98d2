"""The language of a text, and the stems of its words."""

from __future__ import annotations

import mmap
import tempfile
import threading
from array import array
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import snowballstemmer
import structlog

from retrieval.ranking.words import without_accents

log = structlog.get_logger(__name__)

DEFAULT = "en"
_STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
_UNSTEMMED = "cs fa he ja ko th uk zh".split()
_OTHER_SCRIPTS = frozenset("ar el fa he hi ja ko ru th uk zh".split())
_LOOKED_AT = 1000  # characters
_threads = threading.local()


class _Tables:
    """Where the file of the tables lies, for a moment; each process names it once, when it starts."""

    def __init__(self) -> None:
        self.folder: Path | None = None  # None: where temporary files lie, which may be memory


tables = _Tables()


def language_of(text: str) -> str:
    """ISO 639-1, among the languages that this module knows."""
    looked_at = text[:_LOOKED_AT]
    found = str(_detector().classify(looked_at)[0])
    return DEFAULT if found in _OTHER_SCRIPTS and looked_at.isascii() else found


def languages_of(texts: Sequence[str]) -> list[str]:
    """Of the passages of one document. Where the first, the middle and the last agree, the others are not asked."""
    asked = {language_of(texts[at]) for at in {0, len(texts) // 2, len(texts) - 1}} if texts else set()
    return [*asked] * len(texts) if len(asked) == 1 else [language_of(text) for text in texts]


def stem(word: str, language: str) -> str:
    """The word itself where it holds a figure, or where nothing is known of the language."""
    if word.isalpha() and language in _STEMMERS:
        return _stem(word, language)
    return without_accents(word)


@lru_cache(maxsize=500_000)
def _stem(word: str, language: str) -> str:
    stemmers: dict[str, Any] = _threads.__dict__.setdefault("stemmers", {})  # they keep their word: not to be shared
    if language not in stemmers:
        stemmers[language] = snowballstemmer.stemmer(_STEMMERS[language])
    return without_accents(stemmers[language].stemWord(word))


@lru_cache(maxsize=1)
def _detector() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    whole = LanguageIdentifier.from_model_file(MODEL_FILE)
    whole.set_languages(sorted({*_STEMMERS, *_UNSTEMMED} & set(whole.labels)))
    # 28 MB of other languages go with `whole`; of 42 MB of steps between states, a few are ever taken.
    steps = _in_a_file(whole.tk_nextmove)
    return LanguageIdentifier(whole.nb_ptc, whole.nb_pc, whole.nb_classes, steps, whole.tk_output, tk_row=whole.tk_row)


def _in_a_file(numbers: array[int]) -> memoryview[int] | array[int]:
    """The same numbers, mapped: memory holds those alone that are read. Where no file can be written, as they are."""
    try:
        with tempfile.TemporaryFile(dir=tables.folder) as file:
            file.write(numbers)
            file.flush()
            mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    except OSError as error:
        log.warning("languages.in_memory", folder=str(tables.folder or tempfile.gettempdir()), reason=str(error))
        return numbers
    kind: Literal["H", "I", "L"] = numbers.typecode  # type: ignore[assignment]  # unsigned, however long
    return memoryview(mapped).cast(kind)
