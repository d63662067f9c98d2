"""Files of one conversation: Alice's, attached and read, and what tests ask of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as HttpClient

from chatapp.attachments.models import Attached
from retrieval.models import Collection, Document, Passage, PassageVector
from tests.conversations.web import Client, Frame
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.stages import embed_one, parse_one

WORDS = b"The Quastenflosser of the annex weighs 90 kilograms."
QUESTION = "What does the Quastenflosser weigh?"


def attach(client: HttpClient, content: bytes = WORDS, name: str = "annex.txt", *, to: Any = None, **query: Any) -> Any:
    address = f"/api/conversations/{to}/attachments/" if to else "/api/attachments/"
    return client.post(address, {"file": SimpleUploadedFile(name, content)}, query_params=query)


def read_it(index: FakeIndex) -> list[Passage]:
    """As the worker does it. -> its passages, which every search finds from now on"""
    parse_one()
    embed_one()
    passages = list(Passage.objects.filter(document__collection__attached=True))
    found = [{"passage_id": one.pk, "score": 0.8, "dense": 0.8, "lexical": 4.0} for one in passages]
    index.hits = [*found, *index.hits]
    return passages


def nothing_is_left() -> bool:
    """Of rows, vectors and originals that were attached."""
    rows = [
        Attached.objects.exists(),
        Collection.with_attached.filter(attached=True).exists(),
        Document.objects.filter(collection__attached=True).exists(),
        Passage.objects.filter(document__collection__attached=True).exists(),
        PassageVector.objects.exists(),
        any(path.is_file() and path.read_bytes() == WORDS for path in django_settings.FILES_DIR.rglob("*")),
    ]
    return not any(rows)


def asked(client: Client, home: str | None, text: str = QUESTION, **values: Any) -> list[Frame]:
    with client.socket() as socket:
        accepted = socket.ask(text, **({"conversation": home} if home else {}), **values)
        return [accepted, *socket.until("done", 30)]


def sources_in(frames: list[Frame]) -> list[dict[str, Any]]:
    return [one for frame in frames if frame["type"] == "sources" for one in frame["sources"]]
