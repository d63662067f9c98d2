"""What is done about texts that are judged as a whole: passages before they are read, answers by the sentence."""

from __future__ import annotations

import re
from collections.abc import Collection

import structlog

from chatapp.governance.findings import note
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.learned import judging
from chatapp.safety.models import What
from chatapp.safety.policy import Action, Policy, label

log = structlog.get_logger(__name__)

HELP = (
    "It sounds as if you are going through something very hard. You do not have to go through it alone.\n\n"
    "- If you are in danger now, call your emergency number: 112 in the European Union, 999 in the United Kingdom, "
    "911 in the United States and Canada.\n"
    "- Somebody listens at any hour: call or text 988 in the United States and Canada, call 116 123 in the United "
    "Kingdom and Ireland, 0800 1110111 in Germany. findahelpline.com names others near you.\n"
    "- Tell somebody whom you trust, or a doctor.\n\n"
    "I am an assistant for documents, and cannot give you the help that a person can."
)
_END = re.compile(r"[.!?]\s|\n")
_MOST_HELD, _CONTEXT = 160, 300  # characters that wait for the end of their sentence, and that stand before it


def is_kept_from_models(rules: Policy, text: str) -> bool:
    """Of a passage."""
    found = judging.by_letters(text, rules.whole) if rules.whole else frozenset()
    _note(rules, found)
    return any(rules.actions[kind] == Action.BLOCK for kind in found)


class AnswerJudge:
    """A sentence leaves once it is judged, together with what stands before it."""

    def __init__(self, rules: Policy, written: str = "") -> None:
        self._rules, self._before, self._held = rules, written[-_CONTEXT:], ""

    @property
    def held(self) -> int:
        return len(self._held)

    def push(self, text: str) -> str:
        """Raises ContentBlocked."""
        if not self._rules.whole:
            return text
        self._held += text
        out = ""
        while end := _end(self._held):
            out += self._judged(self._held[:end])
            self._held = self._held[end:]
        return out

    def rest(self) -> str:
        held, self._held = self._held, ""
        return self._judged(held) if held.strip() else held

    def _judged(self, sentence: str) -> str:
        kinds = self._rules.whole
        found = judging.by_letters(sentence, kinds) | judging.by_letters(self._before + sentence, kinds)
        if instead := decided(self._rules, found):
            raise ContentBlocked(instead)
        self._before = (self._before + sentence)[-_CONTEXT:]
        return sentence


def _end(held: str) -> int:
    """Behind the first sentence; 0: it goes on."""
    if match := _END.search(held, 0, _MOST_HELD):
        return match.end()
    return 0 if len(held) < _MOST_HELD else held.rfind(" ", 1, _MOST_HELD) + 1 or _MOST_HELD


def decided(rules: Policy, found: Collection[str]) -> str:
    """-> what is said instead, of a wish to harm oneself. Raises ContentBlocked for the others."""
    _note(rules, found)
    blocked = sorted(kind for kind in found if rules.actions[kind] == Action.BLOCK)
    if What.SELF_HARM in blocked:
        return rules.replies.get(What.SELF_HARM) or HELP
    for kind in blocked:
        usual = f"This contains {label(kind)}, which the rules of your organisation do not allow."
        raise ContentBlocked(rules.replies.get(kind) or usual)
    return ""


def _note(rules: Policy, found: Collection[str]) -> None:
    for kind in sorted(found):
        log.info("safety.found", kind=str(kind), action=str(rules.actions[kind]), whole=True)
        note(str(kind), str(rules.actions[kind]))
