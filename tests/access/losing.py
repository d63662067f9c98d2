"""A person with everything open at two web processes: sockets, an answer on its way, a stream of the API, a download;
and how long each goes on once something is taken away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from django.contrib.auth.models import Group
from websockets.exceptions import ConnectionClosed

from chatapp.accounts.keys import create_key, revoke_key
from chatapp.accounts.models import User
from chatapp.conversations.models import Turn
from chatapp.organisations.models import GroupPlace, Organisation
from chatapp.organisations.services import close_organisation, move_person
from chatapp.roles.models import Appointment, Role
from chatapp.roles.services import appoint
from retrieval import files
from retrieval.models import Collection, Document, Passage
from retrieval.tenants import HOUSE
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Socket, Web
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

DOWNLOAD_BYTES = 400_000_000
_DIGEST = "d" * 64
_GIVE_UP_S = 15.0


@dataclass
class Losing:
    """Fresh for each round. `ended` says when each open thing came to its end, seen from outside."""

    webs: tuple[Web, Web]
    person: User
    group: Group
    collection: Collection
    key: str
    client: Client
    sockets: list[Socket] = field(default_factory=list)
    turn: str = ""
    ended: dict[str, float] = field(default_factory=dict)
    threads: list[threading.Thread] = field(default_factory=list)

    def open_everything(self) -> None:
        self.sockets = [
            Socket(web, {"Cookie": f"sessionid={self.client.session}", "Origin": web.url}) for web in self.webs
        ]
        for socket in self.sockets:
            socket.__enter__()
        self.turn = self.sockets[0].ask()["turn"]
        self.sockets[1].resume(self.turn)
        for number, socket in enumerate(self.sockets, start=1):
            socket.until("text")
            self._watch(f"socket {number}", lambda socket=socket: _until_closed(socket))  # type: ignore[misc]
        self._watch("answer", lambda: _until_over(self.turn))
        began = [threading.Event(), threading.Event()]
        self._watch("stream of the API", lambda: self._stream(began[0]))
        path = f"/documents/{self.collection.documents.get().pk}/file/"
        self._watch("download", lambda: self._download(path, began[1]))
        for one in began:
            assert one.wait(10)

    def _watch(self, name: str, until: Callable[[], None]) -> None:
        def run() -> None:
            with suppress(httpx.TransportError):  # cut off in the middle
                until()
            self.ended[name] = time.monotonic()

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        self.threads.append(thread)

    def _stream(self, began: threading.Event) -> None:
        body = {"messages": [{"role": "user", "content": "How many days?"}], "stream": True, "max_tokens": 100_000}
        url, headers = f"{self.webs[1].url}/v1/chat/completions", {"Authorization": f"Bearer {self.key}"}
        with httpx.stream("POST", url, json=body, headers=headers, timeout=_GIVE_UP_S) as answer:
            for line in answer.iter_lines():
                if '"content"' in line:
                    began.set()

    def _download(self, path: str, began: threading.Event) -> None:
        url = f"{self.webs[0].url}{path}"
        with (
            httpx.Client(cookies={"sessionid": self.client.session}, timeout=_GIVE_UP_S) as client,
            client.stream("GET", url) as answer,
        ):
            assert answer.status_code == 200
            for _ in answer.iter_raw(262_144):
                began.set()
                time.sleep(0.02)

    def lose(self, take: Callable[[Losing], None], parts: frozenset[str]) -> dict[str, float]:
        """-> for each of these parts the seconds from what was taken to its end"""
        began = time.monotonic()
        take(self)
        with suppress(AssertionError):
            wait_until(lambda: parts <= self.ended.keys(), _GIVE_UP_S)
        assert parts <= self.ended.keys(), f"still open: {parts - self.ended.keys()}"
        return {part: max(0.0, self.ended[part] - began) for part in parts}

    def close(self) -> None:
        User.objects.filter(pk=self.person.pk).update(is_active=False)
        for thread in self.threads:
            thread.join(_GIVE_UP_S)
        for socket in self.sockets:
            socket.__exit__(None, None, None)


def prepared(
    webs: tuple[Web, Web],
    number: int,
    index: FakeIndex,
    model: ModelDouble,
    *,
    by_role: bool,
    organisation: Organisation | None = None,
) -> Losing:
    model.words, model.pause_s = [f"word{n} " for n in range(5000)], 0.02
    tenant = organisation.pk if organisation else HOUSE
    person = User.objects.create_user(f"person {number}", organisation_id=tenant)
    group = Group.objects.create(name=f"group {number}")
    GroupPlace.objects.filter(group=group).update(organisation=tenant)
    person.groups.add(group)
    collection = Collection.objects.create(name=f"collection {number}", tenant=tenant)
    if by_role:
        appoint(role=Role.CURATOR, to=person, collection=collection, by=None)
    else:
        collection.readers.add(group)
    stored = files.stored_file(_DIGEST)
    stored.parent.mkdir(parents=True, exist_ok=True)
    if not stored.exists():
        with stored.open("wb") as file:
            file.truncate(DOWNLOAD_BYTES)
    document = Document.objects.create(
        collection=collection, name="large.bin", size=DOWNLOAD_BYTES, sha256=_DIGEST, status="ready",
        ready_at=collection.created_at,
    )  # fmt: skip
    row = Passage.objects.create(document=document, ordinal=0, text=f"Number {number} has 28 days of leave.")
    index.hits = [{"passage_id": row.pk, "score": 0.9, "dense": 0.8, "lexical": 5.0}]
    key = create_key(user=person, name="program")
    return Losing(webs, person, group, collection, key, Client(webs[0], person))


def _until_closed(socket: Socket) -> None:
    try:
        while True:
            socket.receive(_GIVE_UP_S)
    except (ConnectionClosed, TimeoutError):
        return


def _until_over(turn: str) -> None:
    from django.db import connection

    try:
        wait_until(lambda: not Turn.objects.filter(pk=UUID(turn), running=True).exists(), _GIVE_UP_S * 3)
    finally:
        connection.close()


# -- what is taken away ------------------------------------------------------------------------------------------------
def account(one: Losing) -> None:
    User.objects.filter(pk=one.person.pk).update(is_active=False)


def group(one: Losing) -> None:
    one.person.groups.remove(one.group)


def role(one: Losing) -> None:
    Appointment.objects.filter(user=one.person).delete()


def readers(one: Losing) -> None:
    one.collection.readers.clear()


def key(one: Losing) -> None:
    revoke_key(user=one.person, name="program")


def session(one: Losing) -> None:
    one.client.sign_out()


def closed(one: Losing) -> None:
    close_organisation(one.person.organisation, by=None)


def moved(one: Losing) -> None:
    move_person(one.person, Organisation.objects.get(pk=HOUSE), by=None)


EVERYTHING = frozenset({"socket 1", "socket 2", "answer", "stream of the API", "download"})
MADE_OF_DOCUMENTS = frozenset({"answer", "stream of the API", "download"})
LOSSES: dict[str, tuple[Callable[[Losing], None], frozenset[str]]] = {
    "account": (account, EVERYTHING),
    "group": (group, MADE_OF_DOCUMENTS),
    "role": (role, MADE_OF_DOCUMENTS),
    "readers": (readers, MADE_OF_DOCUMENTS),
    "key": (key, frozenset({"stream of the API"})),
    "session": (session, frozenset({"socket 1", "socket 2", "download"})),
    "organisation closed": (closed, EVERYTHING),
    "organisation left": (moved, EVERYTHING),
}
OF_AN_ORGANISATION = frozenset({"organisation closed", "organisation left"})  # that is not the house
