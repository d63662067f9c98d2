"""What people are told of a model before they rely on it: where it runs, what is known of it, what it cannot do.

Everybody who may ask may read it. Addresses, keys, paths and prices are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from django.conf import settings
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString

from chatapp.errors import NotFound
from inference import amounts
from inference.engines.extractive import ExtractiveEngine
from inference.models import ModelVersion

FILTERS = Path(__file__).parents[1] / "safety" / "learned" / "heads.md"
_KINDS = ("local", "house", "api")  # how the names of engines begin
_HUB = "hub:"
_CAPABILITIES = dict(ModelVersion.Capability.choices)
_OF_ALL = (
    "It writes what is likely, not what is true: check the passages that an answer names.",
    "It knows only what it was made from and what it is shown with a question; it does not learn from conversations.",
    "Sentences without a passage that holds them are marked. The mark itself can err, in both directions.",
)
_OUTSIDE = (
    "What it is asked leaves this house: the conversation, and the passages that were found for it.",
    "What must stay in the house is never sent there.",
)
_SMALL = "It is small (less than 2 GB): it errs more often, with figures and in languages other than English most."
_SMALL_BYTES = 2_000_000_000
_QUANTIZED = "Its numbers are stored with fewer bits than it was made with, which costs some quality."


@dataclass(frozen=True, slots=True)
class Card:
    """`facts`: (name, value); `figures`: likewise, measured on this machine."""

    name: str
    lead: str
    facts: Sequence[tuple[str, str]]
    data: str
    figures: Sequence[tuple[str, str]] = ()
    caution: str = ""
    limits: Sequence[str] = ()
    version: ModelVersion | None = None


def cards() -> list[Card]:
    """Of all versions that routes may use, and of the quotations."""
    ready = ModelVersion.objects.filter(state=ModelVersion.State.READY).select_related("parent")
    return [*(_card(one) for one in ready), quotations()]


def of_engine(name: str) -> Card:
    """By the name of an engine, as it stands beside an answer. Raises NotFound."""
    if name == ExtractiveEngine.name:
        return quotations()
    kind, _, model = name.partition(":")
    model = model.strip() if kind in _KINDS else name
    version = ModelVersion.objects.filter(name=model).first()
    if version is not None:
        return _card(version)
    if kind == "api" and model and model == settings.INFERENCE.api_model:
        return _of_settings(model)
    raise NotFound("There is no card of this model.", advice="It may have been removed since it wrote that.")


def quotations() -> Card:
    return Card(
        name="Quotations, without a model",
        lead="It finds the best sentences in the documents and quotes them word for word. Nothing is written anew.",
        facts=(("Runs", "on this server, in the web process"), ("Licence", "part of Footnote")),
        data="It was made from nothing: it counts words, and compares their meaning by the embedding model.",
        limits=(
            "It does not combine, count or conclude.",
            "A quoted sentence can be right and still answer another question.",
        ),
    )


def filters_as_html() -> SafeString:
    """The card of what was learned for the content filters; it ships with them."""
    from markdown_it import MarkdownIt

    text = FILTERS.read_text(encoding="utf-8").partition("\n")[2]
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    numbers = count(1)  # each table scrolls by itself, under a name of its own
    scrolling = '<div class="table-scroll" role="region" tabindex="0" aria-label="Table {}"><table>'
    rendered = re.sub("<table>", lambda _: scrolling.format(next(numbers)), rendered)
    return SafeString(rendered.replace("</table>", "</table></div>"))


def _card(version: ModelVersion) -> Card:
    is_file = version.kind == ModelVersion.Kind.FILE
    return Card(
        name=version.name,
        lead=_lead(version, is_file),
        facts=[(name, value) for name, value in _facts(version, is_file) if value],
        data=_data(version, is_file),
        figures=_figures(version),
        caution=amounts.caution(version.measured) if version.measured else "",
        limits=_limits(version, is_file),
        version=version,
    )


def _lead(version: ModelVersion, is_file: bool) -> str:
    where = "runs on this server" if is_file else "runs outside this house" if version.outside else "runs in this house"
    state = {
        ModelVersion.State.REJECTED: " A roll-out found it worse: it is not asked.",
        ModelVersion.State.RETIRED: " It is not asked any more.",
    }
    return f"A language model that {where}.{state.get(ModelVersion.State(version.state), '')}"


def _facts(version: ModelVersion, is_file: bool) -> list[tuple[str, str]]:
    described = [str(_CAPABILITIES.get(one, one)) for one in version.capabilities]
    return [
        ("Licence", version.licence or "not known"),
        ("Model", "" if is_file else version.model),
        ("Came from", _source(version)),
        ("Made from", version.parent.name if version.parent else ""),
        ("Size", amounts.size(version.size) if version.size else ""),
        ("Stored as", version.quantization),
        ("Reads at once", f"{version.context_tokens:,} tokens" if version.context_tokens else ""),
        ("Can besides", ", ".join(described)),
        ("SHA-256", version.sha256),
        ("Here since", f"{version.created_at:%d %B %Y}"),
    ]


def _source(version: ModelVersion) -> str:
    """Of a public hub alone: another address or a path is not for everybody."""
    return version.source.removeprefix(_HUB) if version.source.startswith(_HUB) else ""


def _data(version: ModelVersion, is_file: bool) -> str:
    if not is_file:
        return "Its provider says what it was made from; Footnote does not know."
    if found := _source(version):
        return f"The card of its makers says what it was made from: {'/'.join(found.split('/')[:2])}."
    return "Footnote does not know what it was made from; whoever added the file does."


def _figures(version: ModelVersion) -> list[tuple[str, str]]:
    measured = version.measured
    perplexity = measured.get("perplexity")
    at = parse_datetime(str(measured.get("measured_at", ""))) if measured else None
    rows = [
        ("Writes, tokens a second", amounts.speed(measured)),
        ("Perplexity (less is better)", amounts.perplexity(perplexity) if isinstance(perplexity, int | float) else ""),
        ("Measured", f"{at:%d %B %Y}" if at else ""),
    ]
    return [(name, value) for name, value in rows if value]


def _limits(version: ModelVersion, is_file: bool) -> list[str]:
    own = list(_OUTSIDE) if version.outside else []
    if is_file and 0 < version.size < _SMALL_BYTES:
        own.append(_SMALL)
    if is_file and version.quantization and not version.quantization.upper().startswith(("F16", "F32", "BF16")):
        own.append(_QUANTIZED)
    return [*own, *_OF_ALL]


def _of_settings(model: str) -> Card:
    return Card(
        name=model,
        lead="A language model at the endpoint that the settings of this server name.",
        facts=(("Licence", "that of its provider"),),
        data="Its provider says what it was made from; Footnote does not know.",
        limits=(*_OUTSIDE, *_OF_ALL),
    )
