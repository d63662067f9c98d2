"""A house with one of each thing, and a cast that differs in what it may do."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import ServiceAccount, User
from chatapp.attachments.models import Attached
from chatapp.conversations.models import Conversation, Folder, Message, Turn
from chatapp.feedback.models import Rating
from chatapp.governance.services import record
from chatapp.limits.models import Budget, Limit
from chatapp.organisations.services import create_organisation
from chatapp.privacy.models import RetentionRule
from chatapp.roles.models import Appointment, Role
from chatapp.roles.services import appoint
from chatapp.safety.models import FilterRule, QuarantinedDocument, WordList
from chatapp.scim.models import ProvisioningClient
from chatapp.sharing.models import Share
from chatapp.signon.models import IdentityProvider
from chatapp.widget.models import Widget
from inference.models import Job, ModelVersion, Rollout, Route
from retrieval import files
from retrieval.evaluation.models import EvaluationRun, QuestionSet, QuestionSetVersion
from retrieval.models import Collection, Document, Passage
from retrieval.sources.models import Source
from retrieval.versions.models import IndexVersion

CAST = ("stranger", "member", "reader", "owner", "curator", "auditor", "administrator", "closed", "key", "foreign")
_MADE_APART = ("stranger", "key", "administrator", "foreign")
READS = frozenset({"reader", "curator", "administrator", "key"})
CURATES = frozenset({"curator", "administrator"})
AUDITS = frozenset({"auditor", "administrator"})
WHAT_IS_SECRET = {  # words that stand in things -> who may be shown them
    "Quillwort": READS,  # the collection
    "Sundew": READS,  # a document and its passage
    "Bladderwort": frozenset({"administrator"}),  # another collection and its document
    "Butterwort": frozenset({"owner", "reader"}),  # a conversation, which is shared with a reader
    "Pitcher": CURATES,  # a source
    "Nepenthes": frozenset({"owner"}),  # a file that is attached to the conversation
    "Cobra": CURATES | {"owner"},  # a question that its asker sent to the curators
    "Flytrap": AUDITS,  # a line of the trail
    "Waterwheel": frozenset({"administrator"}),  # a word list
}


@dataclass
class House:
    people: dict[str, User]
    key: str
    rows: dict[type[Model], Model]
    parts: dict[str, Any] = field(default_factory=dict)

    def client(self, who: str) -> Client:
        headers = {"Authorization": f"Bearer {self.key}"} if who == "key" else {}
        client = Client(raise_request_exception=False, headers=headers)
        if person := self.people.get(who):
            client.force_login(person)
            if who == "closed":  # after the account was closed, its cookie is still there
                User.objects.filter(pk=person.pk).update(is_active=False)
        return client


def build() -> House:
    board, others = Group.objects.create(name="board"), Group.objects.create(name="others")
    people = {name: User.objects.create_user(name) for name in CAST if name not in _MADE_APART}
    people["administrator"] = User.objects.create_superuser("administrator")
    elsewhere_home = create_organisation(name="Elsewhere", slug="elsewhere", by=None)
    # Administers another organisation, and was put into a group of this one by mistake.
    people["foreign"] = User.objects.create_user("foreign@elsewhere", organisation=elsewhere_home)
    people["foreign"].groups.add(board)
    appoint(role=Role.ORGANISER, to=people["foreign"], by=None)
    people["reader"].groups.add(board)
    people["closed"].groups.add(board)
    for name in ("member", "owner"):
        people[name].groups.add(others)
    collection = Collection.objects.create(name="Quillwort")
    collection.readers.add(board)
    document = _document(collection, "Sundew")
    elsewhere = _document(Collection.objects.create(name="Bladderwort"), "Bladderwort")
    house = House(people, create_key(user=people["reader"], name="program"), {})
    house.parts = {"document": document, "collection": collection, "elsewhere": elsewhere, "group": board}
    _conversation(house)
    house.parts["feedback"] = _feedback(house)
    curator = appoint(role=Role.CURATOR, to=people["curator"], collection=collection, by=None)
    appoint(role=Role.AUDITOR, to=people["auditor"], by=None)
    _administration(house)
    house.rows[Appointment] = curator
    return house


def _document(collection: Collection, word: str) -> Document:
    content = f"The {word} eats flies.".encode()
    digest = hashlib.sha256(content).hexdigest()
    stored = files.stored_file(digest)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(content)
    document = Document.objects.create(
        collection=collection, name=f"{word}.txt", size=len(content), sha256=digest, status="ready",
        ready_at=timezone.now(), passage_count=1, media_type="text/plain",
    )  # fmt: skip
    Passage.objects.create(document=document, ordinal=0, text=content.decode())
    return document


def _conversation(house: House) -> None:
    conversation = Conversation.objects.create(owner=house.people["owner"], title="Butterwort")
    question = Message.objects.create(conversation=conversation, role="user", text="What is Butterwort?")
    answer = Message.objects.create(conversation=conversation, role="assistant", text="Butterwort.", parent=question)
    turn = Turn.objects.create(asker=house.people["owner"], question=question, answer=answer, running=False)
    house.parts |= {"conversation": conversation, "question": question, "answer": answer, "turn": turn}
    attached = Collection.with_attached.create(name="attached", attached=True)
    Attached.objects.create(conversation=conversation, collection=attached)
    house.parts["attachment"] = _document(attached, "Nepenthes")
    house.parts["folder"] = Folder.objects.create(owner=house.people["owner"], name="Butterwort")
    house.parts["share"] = Share.objects.create(  # an answer that rests on what its reader may read
        owner=house.people["owner"], conversation=conversation, person=house.people["reader"],
        messages=[question.pk, answer.pk], lengths=[9, 11], renewed_at=timezone.now(),
    )  # fmt: skip


def _feedback(house: House) -> Rating:
    asker, document = house.people["owner"], house.parts["document"]
    conversation = Conversation.objects.create(owner=asker, title="Cobra")
    question = Message.objects.create(conversation=conversation, role="user", text="What is a Cobra?")
    answer = Message.objects.create(
        conversation=conversation, role="assistant", text="A lily.", parent=question, documents=[document.pk]
    )
    return Rating.objects.create(message=answer, person=asker, value=-1, sent_at=timezone.now(), open=True)


def _administration(house: House) -> None:
    """A row of each kind that the administration knows; a kind without one fails in `row_of`."""
    endpoint: dict[str, Any] = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    old, new = (ModelVersion.objects.create(name=name, **endpoint) for name in ("gamma", "delta"))
    route = Route.objects.create(name="own")
    question_set = QuestionSet.objects.create(name="Rules")
    version = QuestionSetVersion.objects.create(question_set=question_set, number=1, sha256="0" * 64, questions=0)
    words = WordList.objects.create(name="Waterwheel", terms="Waterwheel")
    service = ServiceAccount.objects.create(username="importer", is_service=True, owner=house.people["owner"])
    held = {"status": "failed", "error_code": "quarantined", "error": "It holds instructions.", "size": 1}
    rows: list[Model] = [
        QuarantinedDocument.objects.create(collection=house.parts["elsewhere"].collection, name="Bladderwort", **held),
        house.people["member"],
        house.people["member"].organisation,
        service,
        house.people["reader"].api_keys.get(),
        house.parts["group"],
        house.parts["collection"],
        house.parts["document"],
        Source.objects.create(name="Pitcher", collection=house.parts["collection"], kind="web"),
        IndexVersion.objects.create(status="ready", promote=False, embedding_model="none"),
        version,
        EvaluationRun.objects.create(version=version),
        record("tried", "Flytrap", house.people["administrator"]),
        words,
        FilterRule.objects.create(what="words", words=words, where="question", action="block"),
        IdentityProvider.objects.create(name="Corp", slug="corp", kind="oidc", issuer="https://id.example.com"),
        SocialAccount.objects.create(user=house.people["member"], provider="corp", uid="Venus"),
        Authenticator.objects.create(user=house.people["member"], type="totp", data={}),
        ProvisioningClient.objects.create(name="Directory"),
        Limit.objects.create(resource="turns", amount=1000, user=house.people["member"]),
        Budget.objects.create(group=house.parts["group"], tokens=10**12),
        RetentionRule.objects.create(days=10_000),
        Job.objects.create(kind="bench", version=old),
        Rollout.objects.create(route=route, current=old, new=new, share=5),
        _widget(house),
        route,
        old,
    ]
    house.rows = {type(row): row for row in rows}


def _widget(house: House) -> Widget:
    widget = Widget.objects.create(name="Intranet", origins="https://intranet.example.com")
    widget.collections.set([house.parts["collection"]])
    return widget


def row_of(house: House, app_label: str, model_name: str) -> Model:
    for model in admin.site._registry:
        if (model._meta.app_label, model._meta.model_name) == (app_label, model_name):
            assert model in house.rows, f"The house of this test has no {model_name}: add one to house._administration."
            return house.rows[model]
    raise AssertionError(f"{app_label}.{model_name} is not in the administration.")
