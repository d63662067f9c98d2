"""`models list` and `models show`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.conf import settings

from chatapp.commands import FootnoteCommand
from chatapp.models_command.action import Action, takes
from inference import amounts, registry
from inference.endpoints import key_missing
from inference.models import ModelVersion

_FIELDS = (
    "name",
    "kind",
    "state",
    "default",
    "path",
    "source",
    "sha256",
    "size",
    "licence",
    "quantization",
    "context_tokens",
    "capabilities",
    "base_url",
    "model",
    "api_version",
    "key_name",
    "outside",
    "price_prompt",
    "price_completion",
    "monthly_budget",
    "measured",
)
_HEADINGS = (
    "  NAME",
    "KIND",
    "STATE",
    "SIZE",
    "NUMBERS",
    "CONTEXT",
    "PRICE IN / OUT",
    "TOKENS/S",
    "PERPLEXITY",
    "PARENT",
    "WHERE",
)


def facts_of(model: ModelVersion) -> dict[str, Any]:
    facts = {field: getattr(model, field) for field in _FIELDS}
    plain = {key: float(value) if isinstance(value, Decimal) else value for key, value in facts.items()}
    return plain | {
        "parent": model.parent.name if model.parent else None,
        "key_set": model.key_name in settings.INFERENCE.keys if model.key_name else None,
        "trouble": registry.trouble_of(model),
        "created_at": model.created_at.isoformat(timespec="seconds"),
    }


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Aligned, without the columns that are empty in every row but the first."""
    used = [at for at in range(len(rows[0])) if any(row[at] for row in rows[1:])]
    widths = {at: max(len(row[at]) for row in rows) for at in used}
    return ["  ".join(row[at].ljust(widths[at]) for at in used).rstrip() for row in rows]


def _list(command: FootnoteCommand, options: dict[str, Any]) -> None:
    models = list(ModelVersion.objects.select_related("parent"))
    if options["json"]:
        command.write_json({"models": [facts_of(model) for model in models]})
    elif not models:
        command.stdout.write("No model yet. Add one with `models pull` or `models add`.")
    else:
        for line in columns([_HEADINGS, *map(_row, models)]):
            command.stdout.write(line)
        for model in models:
            if trouble := registry.trouble_of(model):
                command.stdout.write(f"{model.name}: {trouble}")


def _row(model: ModelVersion) -> tuple[str, ...]:
    measured = model.measured
    place = f"{model.base_url} ({'outside' if model.outside else 'in the house'})" if model.base_url else model.path
    return (
        f"{'*' if model.default else ' '} {model.name}",
        model.kind,
        model.state,
        amounts.size(model.size) if model.size else "",
        model.quantization,
        str(model.context_tokens or ""),
        amounts.prices(model.price_prompt, model.price_completion),
        amounts.speed(measured),
        amounts.perplexity(measured["perplexity"]) if "perplexity" in measured else "",
        model.parent.name if model.parent else "",
        place,
    )


def _show(command: FootnoteCommand, options: dict[str, Any]) -> None:
    version = registry.find_model(options["name"])
    facts = facts_of(version)
    if options["json"]:
        command.write_json(facts)
        return
    measured = facts.pop("measured")
    shown = facts | {key: _priced(getattr(version, key)) for key in ("price_prompt", "price_completion")}
    shown["size"] = amounts.exact_size(version.size) if version.size else ""
    shown |= {f"measured {key}": _figure(key, value) for key, value in measured.items()}
    for line in columns([("", ""), *((key.replace("_", " "), _text(value)) for key, value in shown.items())])[1:]:
        command.stdout.write(line)
    for note in (amounts.caution(measured) if measured else "", key_missing(version)):
        if note:
            command.stdout.write(note)


def _priced(price: Decimal) -> str:
    return f"{amounts.plain(price)} {amounts.PRICED}" if price else ""


def _figure(name: str, value: Any) -> Any:
    return amounts.perplexity(value) if name == "perplexity" else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return "-" if value in ("", None) else str(value)


ACTIONS = (
    Action("list", "show every model; * marks the default", takes(), _list),
    Action("show", "everything that is known of one model", takes("name"), _show),
)
