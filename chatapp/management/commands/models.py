"""The models that this house can load: list, add, pull, remove, choose the default."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from chatapp.commands import FootnoteCommand
from inference import registry
from inference.models import ModelVersion

_BETWEEN_LINES_S = 0.2


class Command(FootnoteCommand):
    help = "List, add, pull, remove the models of the model service, or choose its default."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        for name, subject, text in (
            ("list", "", "show every model"),
            ("add", "path", "register a GGUF file where it lies"),
            ("pull", "source", "download hub:OWNER/REPOSITORY/FILE.gguf or an http(s) address; resumes"),
            ("remove", "name", "forget a model, and delete its file if it was pulled"),
            ("default", "name", "let this model answer"),
        ):
            action = actions.add_parser(name, help=text)
            if subject:
                action.add_argument(subject)
            if name in ("add", "pull"):
                action.add_argument("--name", default="", help="what to call it (default: the file's name)")
            if name == "pull":
                action.add_argument("--sha256", default="", help="the checksum that the file must have")
            action.add_argument("--json", action="store_true", help="one line of JSON on standard output")

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "list":
            self._show(list(ModelVersion.objects.all()), as_json=options["json"])
        elif action == "remove":
            left = registry.remove_model(options["name"])
            now = f" The default is {left.name}." if left else ""
            facts = {"removed": options["name"], "default": left.name if left else None}
            self._say(facts, f"Removed {options['name']}.{now}", as_json=options["json"])
        else:
            model = self._changed(action, options)
            text = f"{model.name}: {_megabytes(model.size)}{', the default' if model.default else ''}."
            self._say(_facts(model), text, as_json=options["json"])

    def _changed(self, action: str, options: dict[str, Any]) -> ModelVersion:
        if action == "add":
            return registry.add_model(Path(options["path"]), name=options["name"])
        if action == "default":
            return registry.set_default(options["name"])
        bar = _Bar(self.stderr)
        return registry.pull_model(options["source"], name=options["name"], sha256=options["sha256"], progress=bar.show)

    def _show(self, models: list[ModelVersion], *, as_json: bool) -> None:
        if as_json:
            self.write_json({"models": [_facts(model) for model in models]})
        elif not models:
            self.stdout.write("No model yet. Add one with `models pull` or `models add`.")
        else:
            for model in models:
                mark = "*" if model.default else " "
                self.stdout.write(f"{mark} {model.name}  {_megabytes(model.size)}  {model.quantization}  {model.path}")

    def _say(self, facts: dict[str, Any], text: str, *, as_json: bool) -> None:
        if as_json:
            self.write_json(facts)
        else:
            self.stdout.write(text)


class _Bar:
    """One line on standard error, at most five times a second."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._shown_at = stream, 0.0

    def show(self, have: int, total: int) -> None:
        whole = bool(total) and have >= total
        if time.monotonic() - self._shown_at < _BETWEEN_LINES_S and not whole:
            return
        self._shown_at = time.monotonic()
        share = f" of {_megabytes(total)} ({100 * have // total} %)" if total else ""
        self._stream.write(f"\r{_megabytes(have)}{share}   ", ending="\n" if whole else "")
        self._stream.flush()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _facts(model: ModelVersion) -> dict[str, Any]:
    fields = ("name", "path", "source", "sha256", "size", "licence", "quantization", "context_tokens", "default")
    return {field: getattr(model, field) for field in fields}
