"""Every text is there in every language, with the same values in it; and what is compiled is what was written."""

from __future__ import annotations

import ast
import gettext
import re

import pytest

from chatapp.languages.administration import TEXTS_OF_ADMINISTRATION
from chatapp.languages.texts import TEXTS
from tests.languages.catalogs import ROOT, TRANSLATED, Entry, entries, marked, templates

_VALUE = re.compile(r"%\((\w+)\)s")
_NAMED_ENGINE = re.compile(r"^%\(name\)s")  # inference/routing/notes.py puts its name there
_TAG = re.compile(r"<[^>]+>")
_EACH = pytest.mark.parametrize(
    ("language", "domain"), [(one, which) for one in TRANSLATED for which in ("django", "djangojs")]
)
_HOW = "see docs/translations.md"
_SAME_EVERYWHERE = {"UTC", "OpenID", "Connect", "SAML", "SHA", "nDCG", "recall"}
_READ_ALOUD = re.compile(r'\b(?:aria-label|title|placeholder|alt)="([^"]*)"')
_MADE_OF_PARTS = {"Left empty, it does not end."}  # chatapp/accounts/key_forms.py makes its first letter large
_SENTENCE_IN_SCRIPT = re.compile(r'"(?!Shift )[A-Z][a-z]+ [^"]*"')  # keys are named as they are labelled
_MARKED_IN_SCRIPT = re.compile(r'\bn?gettext\((?:\s*"(?:[^"\\]|\\.)*"\s*,?)+')


@_EACH
def test_every_marked_text_is_translated(language: str, domain: str) -> None:
    found = {
        (one.text, one.plural) for one in entries(language, domain) if one.text and all(one.forms) and not one.fuzzy
    }
    missing = sorted(text for text, _ in marked(domain) - found)
    assert not missing, f"{len(missing)} texts without a translation, {_HOW}: {missing}"


@_EACH
def test_no_translation_is_of_a_text_that_is_gone(language: str, domain: str) -> None:
    gone = sorted({one.text for one in entries(language, domain) if one.text} - {text for text, _ in marked(domain)})
    assert not gone, f"{_HOW}: {gone}"


@_EACH
def test_translations_hold_the_values_and_the_markup_of_their_text(language: str, domain: str) -> None:
    wrong = [one.text for one in entries(language, domain) if one.text and not _holds_the_same(one)]
    assert not wrong, wrong


def _holds_the_same(one: Entry) -> bool:
    """A form for one or two may say the number in words."""
    wanted = set(_VALUE.findall(one.text + one.plural))
    spared = {"count"} if one.plural else set()
    edges = re.match(r"^\s*", one.text)[0] == re.match(r"^\s*", one.forms[0])[0]  # type: ignore[index]
    return edges and all(
        wanted - spared <= set(_VALUE.findall(form)) <= wanted
        and sorted(_TAG.findall(form)) == sorted(_TAG.findall(one.text))
        for form in one.forms
    )


@_EACH
def test_the_plural_forms_are_those_of_the_language(language: str, domain: str) -> None:
    number = {"de": 2, "ar": 6}[language]
    head, *rest = entries(language, domain)
    assert f"nplurals={number};" in head.forms[0]
    assert not [one.text for one in rest if len(one.forms) != (number if one.plural else 1)]


@_EACH
def test_what_is_compiled_is_what_is_written(language: str, domain: str) -> None:
    path = ROOT / "chatapp" / "locale" / language / "LC_MESSAGES" / f"{domain}.mo"
    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    written: dict[object, str] = {}
    for one in entries(language, domain):
        if one.fuzzy or not one.text or not any(one.forms):
            continue
        keys = [(one.text, place) for place in range(len(one.forms))] if one.plural else [one.text]
        written |= dict(zip(keys, one.forms, strict=True))
    assert {key: value for key, value in compiled.items() if key} == written, f"Compile it again, {_HOW}"


def test_templates_hold_no_unmarked_words() -> None:
    words = {str(path.relative_to(ROOT)): found for path, source in templates() if (found := _unmarked(source))}
    assert not words, words


def _unmarked(source: str) -> list[str]:
    source = re.sub(
        r"{% blocktranslate.*?{% endblocktranslate %}|{% comment.*?{% endcomment %}", "", source, flags=re.S
    )
    source = re.sub(r"{% block body_attributes %}.*?{% endblock %}|{%.*?%}|{{.*?}}|{#.*?#}", " ", source, flags=re.S)
    aloud = " ".join(_READ_ALOUD.findall(source))
    plain = re.sub(r"&\w+;", "", re.sub(r"<(script|style|code).*?</\1>|<[^>]*>", " ", source, flags=re.S))
    return [word for word in re.findall(r"[^\W\d_]{2,}", f"{aloud} {plain}") if word not in _SAME_EVERYWHERE]


def test_scripts_hold_no_unmarked_sentences() -> None:
    found = {}
    for path in sorted((ROOT / "static" / "js").glob("*.js")):
        lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("//")]
        if sentences := _SENTENCE_IN_SCRIPT.findall(_MARKED_IN_SCRIPT.sub("", "\n".join(lines))):
            found[path.name] = sentences
    assert not found, found


def test_each_text_of_the_list_is_said_somewhere() -> None:
    constants, templates_ = _strings()
    listed = TEXTS | TEXTS_OF_ADMINISTRATION
    named = {
        text
        for text in listed
        if _NAMED_ENGINE.sub("The model", text) in constants or _NAMED_ENGINE.sub("It", text) in constants
    }
    wanted = {text: _VALUE.sub("X", text) for text in listed - constants - named - _MADE_OF_PARTS}
    unsaid = [text for text, filled in wanted.items() if not any(one.fullmatch(filled) for one in templates_)]
    assert not unsaid, f"Nothing in the code says so; correct or remove it in chatapp/languages/texts.py: {unsaid}"


def _strings() -> tuple[set[str], list[re.Pattern[str]]]:
    """-> all constants, and patterns of all f-strings that are more than values"""
    constants: set[str] = set()
    patterns: set[str] = set()
    for folder in ("chatapp", "inference", "retrieval"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name in ("administration.py", "texts.py") and path.parent.name == "languages":
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    constants.add(node.value)
                    if "{}" in node.value:
                        patterns.add(".*".join(map(re.escape, node.value.split("{}"))))
                elif isinstance(node, ast.JoinedStr):
                    parts = [
                        re.escape(str(one.value)) if isinstance(one, ast.Constant) else ".*" for one in node.values
                    ]
                    patterns.add("".join(parts))
    telling = [re.compile(one, re.S) for one in patterns if len(one.replace(".*", "")) > 7]
    return constants, telling
