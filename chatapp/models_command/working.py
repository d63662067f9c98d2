"""`models quantize`, `prune` and `bench`: jobs that this command does itself, unless a worker has begun with them."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from chatapp.commands import INTERRUPTED, FootnoteCommand
from chatapp.models_command.action import Action, say
from chatapp.models_command.showing import columns, facts_of
from inference.jobs import asking, leases, results, sweeping
from inference.jobs.asking import Asked, Material
from inference.jobs.formats import FORMATS
from inference.jobs.running import run
from inference.models import Job

_LOOK_EVERY_S = 0.5
_WIDTH = 30


def _material_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--text", metavar="FILE", help="the text that models are compared on (default: a built-in one)")
    parser.add_argument("--questions", metavar="FILE", help="questions, one on each line (default: built-in ones)")


def _quantize_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model")
    parser.add_argument("--to", required=True, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--name", default="", help="what to call the new model")
    _material_arguments(parser)


def _prune_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model")
    parser.add_argument("--layers", required=True, help="layers to leave out, such as 12-23,30; the first one is 0")
    parser.add_argument("--to", default="", metavar="FORMAT", help="and quantize as well")
    parser.add_argument("--name", default="", help="what to call the new model")
    _material_arguments(parser)


def _bench_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model")
    _material_arguments(parser)


def _quantize(command: FootnoteCommand, options: dict[str, Any]) -> None:
    material = _material(command, options)
    _do(command, asking.ask_quantize(options["model"], options["to"], name=options["name"], material=material), options)


def _prune(command: FootnoteCommand, options: dict[str, Any]) -> None:
    material = _material(command, options)
    asked = asking.ask_prune(
        options["model"], options["layers"], to=options["to"], name=options["name"], material=material
    )
    _do(command, asked, options)


def _bench(command: FootnoteCommand, options: dict[str, Any]) -> None:
    _do(command, asking.ask_bench(options["model"], material=_material(command, options)), options)


def _material(command: FootnoteCommand, options: dict[str, Any]) -> Material:
    text = _read(command, options["text"])
    lines = [line.strip() for line in _read(command, options["questions"]).splitlines()]
    return Material(text, tuple(line for line in lines if line))


def _read(command: FootnoteCommand, path: str | None) -> str:
    if path is None:
        return ""
    try:
        if Path(path).stat().st_size > 4 * asking.MOST_TEXT:
            command.fail(f"{path} is too long.", f"At most {asking.MOST_TEXT} characters are read.")
        found = Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        command.fail(f"{path} cannot be read: {error}.")
    return found if found.strip() else command.fail(f"{path} is empty.")


def _do(command: FootnoteCommand, asked: Asked, options: dict[str, Any]) -> None:
    """Until the job has ended, whoever does it. Ctrl-C cancels it."""
    for warning in asked.warnings:
        command.stderr.write(f"Note: {warning}")
    bar = _Bar(command.stderr)
    try:
        job = _followed(asked.job, bar)
    except KeyboardInterrupt:
        asking.cancel(asked.job)
        bar.end()
        command.fail("Cancelled; nothing of it stays.", returncode=INTERRUPTED)
    bar.end()
    if job.state != Job.State.DONE:
        command.fail(job.error or "The job was cancelled.")
    made = job.made or job.version
    facts = {"model": facts_of(made) if made else None} | job.result
    text = f"{made.name if made else ''}{f', made of {job.version.name}' if job.made and job.version else ''}:"
    say(command, facts, "\n".join([text, *_table(job)]), as_json=options["json"])


def _followed(job: Job, bar: _Bar) -> Job:
    while True:
        if lease := leases.claim(job.pk):
            run(lease, bar.show)
        else:
            sweeping.end_hopeless()  # where no worker runs, nobody else does
        job.refresh_from_db()
        if job.state not in (Job.State.QUEUED, Job.State.RUNNING):
            return job
        bar.show(job.progress, job.step or "waiting: another job is being done")
        time.sleep(_LOOK_EVERY_S)


def _table(job: Job) -> list[str]:
    rows = results.table(job.result)
    return [*columns(rows)[0 if rows[0][-1] else 1 :], *results.notes(job.result)]


class _Bar:
    """One line on standard error; a new line for each step where that is no terminal."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._step = stream, ""
        self._terminal = bool(getattr(stream, "isatty", lambda: False)())

    def show(self, progress: float, step: str) -> None:
        if self._terminal:
            done = round(progress * _WIDTH)
            bar = f"[{'#' * done}{'.' * (_WIDTH - done)}]"
            self._stream.write(f"\r\x1b[K{bar} {100 * progress:3.0f} %  {step}", ending="")
            self._stream.flush()
        elif step != self._step:
            self._stream.write(f"{100 * progress:3.0f} %  {step}")
        self._step = step

    def end(self) -> None:
        if self._terminal and self._step:
            self._stream.write("\r\x1b[K", ending="")


ACTIONS = (
    Action("quantize", "make a smaller file of a model, and measure both", _quantize_arguments, _quantize),
    Action("prune", "make a model without some of its layers, and measure both", _prune_arguments, _prune),
    Action("bench", "measure speed, memory and quality, beside its parent's", _bench_arguments, _bench),
)
