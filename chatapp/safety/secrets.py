"""Keys, tokens and passwords that must not travel: by the forms in which services issue them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chatapp.safety import linear
from chatapp.safety.personal.recogniser import Recogniser
from chatapp.safety.spans import Span, without_overlaps

_LONGEST = 120  # characters of which one is told while text streams
_LONGEST_WORD = 600  # of a token whose first part is that long
_LAST_WORD = re.compile(r"\S*\s?\Z")
_KEY = r"[A-Z ]{0,30}PRIVATE KEY-----"
_NAMES = r"pass(?:word|wd|wort|phrase)?|pwd|secret|token|api[_\- ]?key|kennwort|access[_\- ]?key"


def _mixed(matched: str) -> bool:
    """Letters and figures: a word in a sentence about passwords is none."""
    value = re.split(r"[:=]\s*[\"']?", matched, maxsplit=1)[-1]
    return any(one.isdigit() for one in value) and any(one.isalpha() for one in value) and len(set(value)) >= 6


def _issued(pattern: str) -> Recogniser:
    return Recogniser("secret", re.compile(rf"(?<![A-Za-z0-9_\-]){pattern}(?![A-Za-z0-9_])"))


_ISSUED = (
    _issued(r"A(?:KIA|SIA|ROA|IDA)[A-Z0-9]{16}"),  # AWS
    _issued(r"gh[pousr]_[A-Za-z0-9]{36,251}"),  # GitHub
    _issued(r"github_pat_[A-Za-z0-9_]{22,255}"),
    _issued(r"glpat-[A-Za-z0-9_\-]{20,64}"),  # GitLab
    _issued(r"sk-(?:[a-z]{2,10}-)?[A-Za-z0-9_\-]{20,200}"),  # OpenAI, Anthropic and others in this form
    _issued(r"fn-[A-Za-z0-9_\-]{30,80}"),  # ours
    _issued(r"xox[abeoprs]-[A-Za-z0-9\-]{10,200}"),  # Slack
    _issued(r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,100}"),  # Stripe
    _issued(r"AIza[A-Za-z0-9_\-]{35}"),  # Google
    _issued(r"ya29\.[A-Za-z0-9_\-]{20,200}"),
    _issued(r"hf_[A-Za-z0-9]{30,60}"),  # Hugging Face
    _issued(r"npm_[A-Za-z0-9]{36}"),
    _issued(r"pypi-[A-Za-z0-9_\-]{50,250}"),
    _issued(r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}"),  # SendGrid
    _issued(r"eyJ[A-Za-z0-9_\-]{8,500}\.eyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{0,500}"),  # JSON Web Token, RFC 7519
    Recogniser("secret", re.compile(rf"-----BEGIN {_KEY}[A-Za-z0-9+/=\s]{{0,8000}}(?:-----END {_KEY})?")),
    Recogniser("secret", re.compile(r"(?<=://)[^\s:/@]{1,64}:[^\s:/@]{3,64}(?=@)")),  # in an address
)  # fmt: skip
_NAMED = (
    Recogniser(
        "secret",
        re.compile(
            rf"(?<![A-Za-z])(?:{_NAMES})\s{{0,3}}(?:is|lautet|ist)?\s{{0,3}}[:=]\s{{0,3}}[\"']?[^\s\"',;]{{8,100}}",
            re.IGNORECASE,
        ),
        _mixed,
    ),
)


# Without which none of them is there. Words such as "password" are common, and values behind them are not.
_SIGN = linear.sign(
    r"A(?:KIA|SIA|ROA|IDA)|gh[pousr]_|github_pat_|glpat-|sk-|fn-|xox|k_(?:live|test)_|AIza|ya29|hf_|npm_|pypi-|SG\."
    r"|eyJ|-----BEGIN|://[^@]{4,130}@"
)
_NAMED_SIGN = linear.sign(rf"(?i:{_NAMES})[^A-Za-z0-9]{{0,4}}(?:is|lautet|ist)?[^A-Za-z0-9]{{0,3}}[:=]")
# What may still become a secret of several words: a name and its value, or the head of a key.
_PENDING = re.compile(
    rf"(?:(?<![A-Za-z])(?:{_NAMES}|api[_\- ]?k?e?|access[_\- ]?k?e?)\s{{0,3}}(?:is|lautet|ist|[il]\w{{0,5}})?\s{{0,3}}"
    r"[:=]?\s{0,3}[\"']?[^\s\"',;]{0,100}|-{1,5}[A-Z ]{0,45}-{0,5})\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SecretFilter:
    def find(self, text: str) -> list[Span]:
        recognisers = [*(_ISSUED if _SIGN.search(text) else ()), *(_NAMED if _NAMED_SIGN.search(text) else ())]
        return without_overlaps(span for one in recognisers for span in one.find(text))

    def settled(self, text: str) -> int:
        """All but keys with a head and values with a name are one word."""
        end = len(text)
        least = max(0, end - _LONGEST)
        if "PRIVATE KEY" in text:
            return least
        word = _LAST_WORD.search(text, max(0, end - _LONGEST_WORD))
        held = word.start() if word else end
        if held < least and not text.startswith("eyJ", held):
            held = least
        pending = _PENDING.search(text, least)
        return min(held, pending.start() if pending else end)
