"""Random people, groups, collections and documents, and a plain model of who may read what."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.accounts.models import User
from chatapp.conversations.models import Citation, Conversation, Message
from retrieval import files
from retrieval.changes import record_change
from retrieval.contracts import SearchFilters
from retrieval.models import Collection, Document, IndexChange, Passage
from tests.conftest import signed_in_client
from tests.index.conftest import store

QUESTION = "What is said about leave?"
TYPES = ("text/plain", "application/pdf")
FOLDERS = ("reports/", "minutes/2025/", "")
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Shelf:
    """A collection as the model knows it."""

    row: Collection
    everyone: bool = False
    readers: set[str] = field(default_factory=set)


@dataclass
class Paper:
    """A document as the model knows it; one that was deleted stays known, and nobody may read it."""

    pk: UUID
    name: str
    shelf: Shelf
    passages: list[int]
    media_type: str
    path: str
    dated_at: datetime
    readers: set[str] | None = None  # of its own
    there: bool = True

    def fits(self, filters: SearchFilters) -> bool:
        return (
            (not filters.media_types or self.media_type in filters.media_types)
            and (filters.since is None or self.dated_at >= filters.since)
            and (filters.until is None or self.dated_at < filters.until)
            and self.path.startswith(filters.path_prefix)
        )


@dataclass
class Person:
    row: User
    client: Client
    groups: set[str] = field(default_factory=set)
    conversation: UUID | None = None  # with an old answer that was shown every passage there was

    def may_read(self, paper: Paper) -> bool:
        if not paper.there or not self.row.is_active:
            return False
        if self.row.is_superuser:
            return True
        shelf = paper.shelf.everyone or bool(paper.shelf.readers & self.groups)
        return shelf and (paper.readers is None or bool(paper.readers & self.groups))


class World:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.said: list[str] = []  # what was done, for whoever reads a failure
        self.groups = [f"group {number}" for number in range(4)]
        for name in self.groups:
            Group.objects.create(name=name)
        self.shelves = [Shelf(Collection.objects.create(name=f"shelf {number}")) for number in range(3)]
        self.people = [self._person(User.objects.create_user(f"person {number}")) for number in range(4)]
        self.boss = self._person(User.objects.create_superuser("boss"))
        self.papers: list[Paper] = []
        for _ in range(8):
            self.publish()
        for _ in range(6):
            self.join_or_leave()
        for _ in range(3):
            self.share()
        self.remember()

    @staticmethod
    def _person(row: User) -> Person:
        return Person(row, signed_in_client(row))

    @property
    def everybody(self) -> list[Person]:
        return [*self.people, self.boss]

    def readable(self, person: Person, filters: SearchFilters | None = None) -> set[int]:
        papers = [paper for paper in self.papers if person.may_read(paper)]
        return {one for paper in papers if filters is None or paper.fits(filters) for one in paper.passages}

    # -- what happens ----------------------------------------------------------------------------------------------
    def step(self) -> str:
        actions: list[Callable[[], None]] = [
            self.publish, self.delete, self.restrict, self.restrict, self.share, self.move, self.join_or_leave,
            self.join_or_leave, self.join_or_leave, self.leave_the_house, self.dissolve,
        ]  # fmt: skip
        self.chance.choice(actions)()
        return self.said[-1]

    def publish(self) -> None:
        number, shelf, chance = len(self.papers), self.chance.choice(self.shelves), self.chance
        texts = [f"Leave, part {part} of paper-{number}." for part in range(chance.randrange(1, 4))]
        vectors = np.random.default_rng(number).standard_normal((len(texts), 384)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        row = store(shelf.row, f"paper-{number}", texts, vectors)
        paper = Paper(
            row.pk, row.name, shelf, sorted(row.passages.values_list("pk", flat=True)), chance.choice(TYPES),
            chance.choice(FOLDERS) + row.name, EPOCH + timedelta(days=chance.randrange(100)),
        )  # fmt: skip
        Passage.objects.filter(document=row).update(heading=f"About paper-{number}")
        facts = {"media_type": paper.media_type, "path": paper.path, "dated_at": paper.dated_at}
        Document.objects.filter(pk=row.pk).update(**facts)
        record_change(row, IndexChange.Kind.ACCESS)
        stored = files.stored_file(row.sha256)
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_bytes(b"x")
        self.papers.append(paper)
        self.said.append(f"{paper.name} is published in {shelf.row.name}")
        if chance.random() < 0.4:
            self.restrict(paper)

    def delete(self) -> None:
        papers = [paper for paper in self.papers if paper.there]
        if len(papers) < 4:
            return self.publish()
        paper = self.chance.choice(papers)
        assert self.boss.client.delete(f"/api/documents/{paper.pk}/").status_code == 204
        paper.there = False
        self.said.append(f"{paper.name} is deleted")

    def restrict(self, paper: Paper | None = None) -> None:
        paper = paper or self.chance.choice([paper for paper in self.papers if paper.there])
        own = None if self.chance.random() < 0.3 else self._some_groups()
        fields = {"restricted": own is not None, "readers": sorted(own or ())}
        self._patch(f"/api/documents/{paper.pk}/", fields)
        paper.readers = own
        self.said.append(f"{paper.name} has the readers {own}")

    def share(self) -> None:
        shelf = self.chance.choice(self.shelves)
        shelf.everyone, shelf.readers = self.chance.random() < 0.5, self._some_groups()
        self._patch(f"/api/collections/{shelf.row.pk}/", {"everyone": shelf.everyone, "readers": sorted(shelf.readers)})
        self.said.append(f"{shelf.row.name} is shared with {'everyone' if shelf.everyone else shelf.readers}")

    def move(self) -> None:
        paper = self.chance.choice([paper for paper in self.papers if paper.there])
        paper.shelf = self.chance.choice(self.shelves)
        self._patch(f"/api/documents/{paper.pk}/", {"collection": str(paper.shelf.row.pk)})
        self.said.append(f"{paper.name} moves to {paper.shelf.row.name}")

    def join_or_leave(self) -> None:
        person, name = self.chance.choice(self.people), self.chance.choice(self.groups)
        group = Group.objects.get(name=name)
        if name in person.groups:
            person.row.groups.remove(group)
        else:
            person.row.groups.add(group)
        person.groups ^= {name}
        self.said.append(f"{person.row} is now in {person.groups}")

    def leave_the_house(self) -> None:
        """Or come back."""
        person = self.chance.choice(self.people)
        person.row.is_active = not person.row.is_active
        person.row.save(update_fields=["is_active"])
        if person.row.is_active:
            person.client = signed_in_client(person.row)
        self.said.append(f"{person.row} is {'here again' if person.row.is_active else 'gone'}")

    def dissolve(self) -> None:
        """A group, whose name another one gets at once: what the old one could read is not for the new one."""
        name = self.chance.choice(self.groups)
        Group.objects.get(name=name).delete()
        Group.objects.create(name=name)
        for person in self.people:
            person.groups.discard(name)
        for shelf in self.shelves:
            shelf.readers.discard(name)
        for paper in self.papers:
            if paper.readers is not None:
                paper.readers.discard(name)
        self.said.append(f"{name} is another one")

    def _some_groups(self) -> set[str]:
        return set(self.chance.sample(self.groups, self.chance.randrange(3)))

    def _patch(self, url: str, fields: dict[str, Any]) -> None:
        answer = self.boss.client.patch(url, fields, content_type="application/json")
        assert answer.status_code == 200, answer.content

    # -- what was said before --------------------------------------------------------------------------------------
    def remember(self) -> None:
        """Everybody gets an old answer that rests on every passage, whoever may read it now."""
        for person in self.everybody:
            row = Conversation.objects.create(owner=person.row, title="Old")
            question = Message.objects.create(conversation=row, role="user", text=QUESTION)
            answer = Message.objects.create(
                conversation=row, parent=question, role="assistant", text="As told.", sources=list(self._sources())
            )
            for number, passage in enumerate([one for paper in self.papers for one in paper.passages], start=1):
                Citation.objects.create(
                    message=answer, number=number, passage_id=passage, document_name="x", quote="q", score=1.0
                )
            person.conversation = row.pk

    def _sources(self) -> Any:
        shown = [(paper, passage) for paper in self.papers for passage in paper.passages]
        for number, (paper, passage) in enumerate(shown, start=1):
            document = {"id": str(paper.pk), "name": paper.name, "collection": paper.shelf.row.name}
            yield {
                "number": number, "passage": passage, "document": document, "page": None, "heading": "h",
                "locator": "", "text": "words", "score": 1.0,
            }  # fmt: skip
