"""manage.py reindex"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import transaction

from chatapp.access import require_administrator
from chatapp.commands import FootnoteCommand, counted
from retrieval.changes import record_change
from retrieval.client import IndexClient
from retrieval.ingestion import reembed_document
from retrieval.models import Document, IndexChange, Passage

_POLL_S = 0.5


class Command(FootnoteCommand):
    help = "Have the index services take in every document anew; embed again what has no vectors of the model in use."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the counts as JSON on standard output")
        parser.add_argument("--patience", type=float, default=60.0, metavar="SECONDS", help="wait so long at most")
        self.add_user_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        require_administrator(self.acting_user(options["user"]))
        model = settings.RETRIEVAL.embedding_model
        client = IndexClient(settings.RETRIEVAL)
        serving = client.status().embedding_model
        if serving and serving != model:
            self.fail(f"The index service embeds with {serving}, the settings name {model}.", "Start it again first.")
        reembedded, published = self.send_out(model)
        counts = {"published": published, "embedding_again": reembedded}
        self.wait(client, options["patience"])
        if options["json"]:
            self.write_json(counts)
        else:
            self.stdout.write(f"{counted(published, 'document')} taken in anew; {reembedded} embedded again.")

    def send_out(self, model: str) -> tuple[int, int]:
        lacking = Passage.objects.exclude(vectors__model=model).values("document").distinct()
        stale = list(Document.objects.filter(status=Document.Status.READY, pk__in=lacking))
        for document in stale:
            reembed_document(document)
        rest = Document.objects.filter(status=Document.Status.READY).only("pk", "collection_id")
        published = 0
        for document in list(rest):
            with transaction.atomic():
                record_change(document, IndexChange.Kind.ADD)
            published += 1
        return len(stale), published

    def wait(self, client: IndexClient, patience_s: float) -> None:
        """Until nothing is embedding and searches see the newest change; patience starts anew with each step.

        `behind` would not do: an index service that has yet to hear of a change does not count it.
        """
        last, since = -1, time.monotonic()
        while True:
            embedding = Document.objects.filter(status=Document.Status.EMBEDDING).count()
            owed = embedding + IndexChange.objects.filter(seq__gt=client.status().applied).count()
            if not owed:
                return
            if owed != last:
                last, since = owed, time.monotonic()
            if time.monotonic() - since > patience_s:
                still = f"{counted(owed, 'document')} {'is' if owed == 1 else 'are'} still owed"
                self.fail(f"{still} and nothing moved for {patience_s:g} s.", "Is a worker on?")
            time.sleep(_POLL_S)
