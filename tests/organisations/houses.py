"""Two organisations beside the house, each with a person, a group, a collection that all of it read, and a document."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import create_organisation
from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from retrieval import files
from retrieval.models import Collection, Document, Passage


@dataclass
class Home:
    organisation: Organisation
    person: User
    organiser: User
    group: Group
    collection: Collection
    document: Document

    @property
    def passage(self) -> Passage:
        return self.document.passages.get()


def home(slug: str) -> Home:
    organisation = create_organisation(name=slug.title(), slug=slug, by=None)
    person = User.objects.create_user(f"person@{slug}", organisation=organisation)
    organiser = User.objects.create_user(f"organiser@{slug}", organisation=organisation)
    appoint(role=Role.ORGANISER, to=organiser, by=None)
    group = group_of(organisation, f"{slug}/board")
    person.groups.add(group)
    collection = Collection.objects.create(name="Handbook", tenant=organisation.pk, everyone=True)
    return Home(organisation, person, organiser, group, collection, document_in(collection, f"Rules of {slug}"))


def group_of(organisation: Organisation, name: str) -> Group:
    group = Group(name=name)
    group.home = organisation.pk  # type: ignore[attr-defined]
    group.save()
    return group


def document_in(collection: Collection, text: str) -> Document:
    digest = hashlib.sha256(text.encode()).hexdigest()
    stored = files.stored_file(digest)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(text.encode())
    document = Document.objects.create(
        collection=collection, name=f"{text}.txt", size=len(text), sha256=digest, status="ready",
        ready_at=timezone.now(), passage_count=1, media_type="text/plain",
    )  # fmt: skip
    Passage.objects.create(document=document, ordinal=0, text=text)
    return document
