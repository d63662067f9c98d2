"""manage.py embeddings distil|measure|list"""

from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

import numpy as np
from django.conf import settings

from chatapp.access import require_administrator
from chatapp.accounts.models import User
from chatapp.commands import FootnoteCommand
from chatapp.governance import services as governance
from retrieval.embedded_passages import embedded_passages
from retrieval.embedders.embedding_models import Card, Lesson, card_of, distil, keep_measured, made_models
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.evaluation import sets
from retrieval.evaluation.beside import measure

_LESSON = 20_000  # passages: minutes


class Command(FootnoteCommand):
    help = "Make static embedding models out of sentence-transformers models, and list them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        making = actions.add_parser("distil", help="make a static model: one vector for each token, no network")
        making.add_argument("--from", dest="source", default=PACKAGED_MODEL, metavar="MODEL", help="of which model")
        making.add_argument("--dimension", type=int, default=256, metavar="N", help="of its vectors (default: 256)")
        making.add_argument("--fit", action="store_true", help="fit it to the passages that have vectors of that model")
        making.add_argument("--name", default="", help="what to call it (default: made from the model's)")
        measuring = actions.add_parser("measure", help="one beside the model that it was made from, on a question set")
        measuring.add_argument("name", metavar="NAME")
        measuring.add_argument("--set", required=True, metavar="SET", help="a question set, or a version as SET@2")
        listing = actions.add_parser("list", help="those that were made here, with their figures")
        for below in (making, measuring, listing):
            below.add_argument("--json", action="store_true", help="one line of JSON on standard output")
            self.add_user_argument(below)

    def handle(self, *, action: str, **options: Any) -> None:
        user = self.acting_user(options["user"])
        require_administrator(user)
        if action == "list":
            self.show(made_models(settings.RETRIEVAL.models_dir), options)
        elif action == "measure":
            self.measure(options)
        else:
            self.distil(user, options)

    def distil(self, user: User, options: dict[str, Any]) -> None:
        models, source = settings.RETRIEVAL.models_dir, options["source"]
        lesson = self.lesson(source) if options["fit"] else None
        what = f"fitting it to {len(lesson.texts):,} passages" if lesson else "one vector for each token"
        self.stderr.write(f"Making a static model of {source}, {what}: half a minute to some minutes.")
        made = distil(
            models, source, dimension=options["dimension"], name=options["name"], lesson=lesson, going=self.going
        )
        facts: dict[str, Any] = {"source": made.source, "dimension": made.dimension, "fitted": made.fitted}
        governance.record("embedding model distilled", made.name, user, **facts)
        if options["json"]:
            self.write_json(asdict(made))
        else:
            self.stdout.write(f"{_line(made)} Name it as RETRIEVAL_EMBEDDING_MODEL, or build an index version with it.")

    def going(self, seconds: float) -> None:
        self.stderr.write(f"{seconds:.0f} s, still at work")

    def lesson(self, source: str) -> Lesson:
        self.stderr.write(f"Reading passages with vectors of {source}")
        parts = list(embedded_passages(source, most=_LESSON))
        if not parts:
            self.fail(f"No passage has vectors of {source}.", "Put documents in first, or leave --fit out.")
        return Lesson([text for part in parts for text in part.texts], np.concatenate([p.vectors for p in parts]))

    def measure(self, options: dict[str, Any]) -> None:
        config = settings.RETRIEVAL
        card = card_of(config.models_dir, options["name"])
        if card is None:
            self.fail(f"No model {options['name']!r} was made here.", "`manage.py embeddings list` names them.")
        figures = measure(card, sets.find(options["set"]), cache=config.cache_dir, threads=config.embedding_threads)
        keep_measured(config.models_dir, card, figures)
        if options["json"]:
            self.write_json(figures)
            return
        self.stdout.write(f"{figures['questions']} questions, {figures['passages']} passages, by meaning alone:")
        for name, one in figures["models"].items():
            self.stdout.write(f"  {name}: {', '.join(f'{what} {value:g}' for what, value in one.items())}")

    def show(self, cards: list[Card], options: dict[str, Any]) -> None:
        if options["json"]:
            self.write_json({"models": [asdict(card) for card in cards]})
        elif not cards:
            self.stderr.write("None was made here yet.")
        else:
            for card in cards:
                self.stdout.write(_line(card))


def _line(card: Card) -> str:
    return f"{card.name}: {card.dimension} dimensions, {card.bytes / 1e6:.0f} MB, of {card.source} ({card.licence})."
