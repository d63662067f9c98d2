"""The language of a question, where a route asks for it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.conf.locale import LANG_INFO

_LOOKED_AT = 1000  # characters
# Of a few words, a detector of a hundred languages often finds a rare one.
_COMMON = frozenset(
    "ar bg bn cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr sv th tr uk ur "
    "vi zh".split()
)
_NAMES = {"no": "Norwegian", "zh": "Chinese"}  # Django has them by their kinds alone


def language_of(text: str, named: frozenset[str]) -> str:
    """ISO 639-1, among the common languages and those that are named. `prepare` before: else the first call is slow."""
    return _found(text[:_LOOKED_AT], named - _COMMON)


def name_of(code: str) -> str:
    return _NAMES.get(code) or str(LANG_INFO.get(code, {}).get("name", code))


def prepare(named: frozenset[str]) -> None:
    """Takes a moment: not on an event loop."""
    _detector(named - _COMMON)


@lru_cache(maxsize=16)  # a question is looked at once for each candidate
def _found(text: str, rare: frozenset[str]) -> str:
    found: str = _detector(rare).classify(text)[0]
    return found


@lru_cache(maxsize=4)
def _detector(rare: frozenset[str]) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    detector = LanguageIdentifier.from_model_file(MODEL_FILE)
    detector.set_languages(sorted((_COMMON | rare) & set(detector.labels)))
    return detector
