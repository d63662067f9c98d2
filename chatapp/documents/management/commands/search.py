"""manage.py search "..." | --batch QUESTIONS.jsonl"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings

from chatapp.access import get_collection_by_name
from chatapp.accounts.models import User
from chatapp.commands import USAGE, FootnoteCommand
from chatapp.documents.answers import result_json
from chatapp.documents.filters import add_filter_arguments, filters_of_command
from chatapp.documents.search import search_batch, search_passages
from chatapp.errors import Invalid
from chatapp.json_body import parse as parse_json
from retrieval.contracts import SearchFilters
from retrieval.stored_text import storable

_SHOWN = 300


class Narrowed(TypedDict):
    k: int
    collections: frozenset[UUID] | None
    filters: SearchFilters


class Command(FootnoteCommand):
    help = "Find the passages that fit a question, or those for each question of a file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("question", nargs="?")
        parser.add_argument(
            "--batch", metavar="QUESTIONS.jsonl", help='a line for each {"id", "question"}; - for stdin'
        )
        parser.add_argument("--collection", metavar="NAME", help="only this one (default: all that may be read)")
        add_filter_arguments(parser)
        parser.add_argument("-k", type=int, default=10, help="how many results (default: 10)")
        parser.add_argument("--json", action="store_true", help="print JSON on standard output")
        self.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if bool(options["question"]) == bool(options["batch"]):
            self.fail("Give either a question or --batch with a file of questions.", returncode=USAGE)
        user = self.acting_user(options["user"])
        name = options["collection"]
        collections = frozenset([get_collection_by_name(user, name).pk]) if name is not None else None
        narrowed = Narrowed(k=options["k"], collections=collections, filters=filters_of_command(options))
        if options["batch"]:
            self.batch(user, options["batch"], narrowed)
            return
        results = search_passages(user, options["question"], **narrowed)
        if options["json"]:
            self.write_json({"results": [result_json(found) for found in results]})
            return
        if results and (sure := results[0].confidence) is not None:
            self.stderr.write(f"That the documents answer this: {sure:.0%} sure.")
        for number, result in enumerate(map(result_json, results), 1):
            page = f", page {result['page']}" if result["page"] else ""
            text = " ".join(result["text"].split())[:_SHOWN]
            self.stdout.write(f"{number}. {result['document']}{page} ({result['score']:.3f})\n   {text}\n")
        if not results:
            self.stderr.write("Nothing was found.")

    def batch(self, user: User, path: str, narrowed: Narrowed) -> None:
        """The whole file is checked first; then a line goes out for each question as soon as it is answered."""
        questions = list(read_questions(path))
        answers = search_batch(user, [text for _, text in questions], **narrowed)
        for (key, _), results in zip(questions, answers, strict=True):
            self.write_json({"id": key, "results": [result_json(found) for found in results]})


def read_questions(path: str) -> Iterator[tuple[Any, str]]:
    """-> id and question of each line. Raises Invalid with the number of the line at fault."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", advice="Check the path.") from None
    except UnicodeDecodeError:
        raise Invalid(f"{path} is not UTF-8 text.", advice="Save it as UTF-8.") from None
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _question(path, number, line)


def _question(path: str, number: int, line: str) -> tuple[Any, str]:
    advice = 'Each line is one JSON object with "id" and "question".'
    try:
        row = parse_json(line)
    except ValueError as error:
        raise Invalid(f"Line {number} of {path} is not JSON: {error}.", advice=advice) from None
    if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("question"), str):
        raise Invalid(f"Line {number} of {path} lacks an id or a question.", advice=advice)
    if isinstance(row["id"], list | dict):
        raise Invalid(f"The id in line {number} of {path} is neither a text nor a number.", advice=advice)
    question = storable(row["question"]).strip()
    if not question:
        raise Invalid(f"The question in line {number} of {path} is empty.", advice=advice)
    if len(question) > (most := settings.QUESTION_CHARACTERS):
        sentence = f"The question in line {number} of {path} is longer than {most} characters."
        raise Invalid(sentence, advice="Shorten it.")
    return row["id"], question
