"""`models add`, `pull`, `remove` and `default`."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from chatapp.commands import FootnoteCommand
from chatapp.models_command.action import Action, say, takes
from chatapp.models_command.showing import facts_of
from inference import amounts, registry
from inference.endpoints import add_endpoint
from inference.models import ModelVersion

_BETWEEN_LINES_S = 0.2
_NAME = "what to call it (default: the file's name, or the model's there)"
_CAPABILITIES = ", ".join(one.value for one in ModelVersion.Capability)
_OF_ENDPOINTS = (
    ("--kind", "kind", "openai (any compatible one), azure or anthropic"),
    ("--model", "model", "the model's name there"),
    ("--key-name", "key_name", "the setting that holds its key, INFERENCE_KEY_..."),
    ("--api-version", "api_version", "of Azure's older addresses, such as 2024-10-21"),
    ("--licence", "licence", "under which it may be used"),
    ("--context", "context_tokens", "tokens that it reads at most"),
    ("--capabilities", "capabilities", f"what it can do, with commas: {_CAPABILITIES}"),
    ("--price-prompt", "price_prompt", "of a million prompt tokens, in the currency of your contract"),
    ("--price-completion", "price_completion", "of a million tokens of answers, in the same currency"),
    ("--monthly-budget", "monthly_budget", "in the currency of the prices"),
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("path", nargs="?", help="a GGUF file")
    parser.add_argument("--name", default="", help=_NAME)
    endpoint = parser.add_argument_group("an endpoint in place of a file")
    endpoint.add_argument("--endpoint", metavar="URL", help="its address, up to /v1 for OpenAI-compatible ones")
    for option, field, text in _OF_ENDPOINTS:
        endpoint.add_argument(option, dest=field, help=text)
    place = endpoint.add_mutually_exclusive_group()
    place.add_argument("--outside", dest="outside", action="store_true", default=None, help="it leaves the house")
    place.add_argument("--inside", dest="outside", action="store_false", default=None, help="it is in the house")


def _add(command: FootnoteCommand, options: dict[str, Any]) -> None:
    given = {field: options[field] for _, field, _ in _OF_ENDPOINTS if options[field] is not None}
    if options["endpoint"] is not None:
        if options["path"]:
            command.fail("Give a file or --endpoint, not both.")
        added = add_endpoint(
            name=options["name"], outside=options["outside"], base_url=options["endpoint"], **_values(command, given)
        )
        text = f"{added.version.name}: {added.version.get_kind_display()}. {added.assumed} {added.key_missing}".strip()
        say(command, facts_of(added.version), text, as_json=options["json"])
        for note in (added.assumed, added.key_missing):
            if note and options["json"]:
                command.stderr.write(note)
    elif not options["path"]:
        command.fail("Give a GGUF file, or --endpoint with an address.")
    elif given or options["outside"] is not None:
        command.fail("These options are for endpoints.", "Give --endpoint as well, or the file alone.")
    else:
        _say_added(command, registry.add_model(Path(options["path"]), name=options["name"]), options)


def _values(command: FootnoteCommand, given: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": ModelVersion.Kind.OPENAI.value} | given
    if "capabilities" in given:
        values["capabilities"] = [one.strip() for one in given["capabilities"].split(",") if one.strip()]
    for field in ("price_prompt", "price_completion", "monthly_budget"):
        if field in given:
            try:
                values[field] = Decimal(given[field])
            except InvalidOperation:
                command.fail(f"{given[field]!r} is no price.", "Give a number such as 2.50.")
    return values


def _pull_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("source")
    parser.add_argument("--name", default="", help=_NAME)
    parser.add_argument("--sha256", default="", help="the checksum that the file must have")


def _pull(command: FootnoteCommand, options: dict[str, Any]) -> None:
    bar = _Bar(command.stderr)
    pulled = registry.pull_model(options["source"], name=options["name"], sha256=options["sha256"], progress=bar.show)
    _say_added(command, pulled, options)


def _say_added(command: FootnoteCommand, model: ModelVersion, options: dict[str, Any]) -> None:
    text = f"{model.name}: {amounts.size(model.size)}{', the default' if model.default else ''}."
    say(command, facts_of(model), text, as_json=options["json"])


def _remove(command: FootnoteCommand, options: dict[str, Any]) -> None:
    left = registry.remove_model(options["name"])
    now = f" The default is {left.name}." if left else ""
    facts = {"removed": options["name"], "default": left.name if left else None}
    say(command, facts, f"Removed {options['name']}.{now}", as_json=options["json"])


def _default(command: FootnoteCommand, options: dict[str, Any]) -> None:
    _say_added(command, registry.set_default(options["name"]), options)


class _Bar:
    """One line on standard error, at most five times a second."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._shown_at = stream, 0.0

    def show(self, have: int, total: int) -> None:
        whole = bool(total) and have >= total
        if time.monotonic() - self._shown_at < _BETWEEN_LINES_S and not whole:
            return
        self._shown_at = time.monotonic()
        share = f" ({100 * have // total} %)" if total else ""
        self._stream.write(f"\r{amounts.downloaded(have, total)}{share}   ", ending="\n" if whole else "")
        self._stream.flush()


ACTIONS = (
    Action("add", "register a GGUF file where it lies, or an endpoint", _add_arguments, _add),
    Action("pull", "download hub:OWNER/REPOSITORY/FILE.gguf or an http(s) address; resumes", _pull_arguments, _pull),
    Action("remove", "forget a model, and delete its file if it was pulled or made", takes("name"), _remove),
    Action("default", "let this model answer", takes("name"), _default),
)
