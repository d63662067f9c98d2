"""Migrations that were broken off are run again, and those of used databases can be taken back."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor

from chatapp.attachments.models import Attached
from chatapp.conversations.models import Citation, Conversation, Message
from chatapp.organisations.models import Organisation
from chatapp.roles.models import Appointment
from retrieval.models import Collection, Document, Passage, PassageVector
from retrieval.sources.models import Source
from retrieval.tenants import HOUSE
from tests.conftest import Cast

Back = Callable[[str, str], None]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def back() -> Iterator[Back]:
    """Takes an app back to one of its migrations; in the end, everything is there again."""
    there = MigrationExecutor(connection).loader.graph.leaf_nodes()

    def take_back(app: str, name: str) -> None:
        MigrationExecutor(connection).migrate([(app, name)])

    yield take_back
    MigrationExecutor(connection).migrate(there)


def forward(app: str) -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes(app))


def ask(statement: str, *values: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


INDEXES = [
    ("accounts", "0004_organisations", "accounts_user_of_organisation"),
    ("governance", "0004_organisations", "audit_by_organisation"),
    ("conversations", "0006_sealed_texts", "temporary_chats"),
    ("conversations", "0006_sealed_texts", "conversations_to_seal"),
    ("conversations", "0006_sealed_texts", "messages_to_index"),
    ("signon", "0003_saml_sign_out", "signon_session_by_name_id"),
    ("feedback", "0003_sent_to_curators", "ratings_sent_to_curators"),
    ("feedback", "0003_sent_to_curators", "ratings_open_to_curators"),
    ("retrieval", "0007_attached_files", "collections_that_owe_work"),
    ("retrieval", "0007_attached_files", "line_served_last"),
    ("retrieval", "0007_attached_files", "attached_collections"),
]


@pytest.mark.parametrize(("app", "before", "index"), INDEXES, ids=[one[2] for one in INDEXES])
def test_an_index_whose_build_was_broken_off_is_built_anew(back: Back, app: str, before: str, index: str) -> None:
    ((definition,),) = ask("SELECT pg_get_indexdef(%s::regclass)", index)
    back(app, before)
    assert ask("SELECT to_regclass(%s)", index) == [(None,)]
    ask(str(definition))
    ask("UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass", index)
    forward(app)
    assert ask("SELECT indisvalid FROM pg_index WHERE indexrelid = %s::regclass", index) == [(True,)]
    assert ask("SELECT pg_get_indexdef(%s::regclass)", index) == [(definition,)]


@pytest.mark.parametrize(("app", "name"), sorted({(app, before) for app, before, _ in INDEXES}))
def test_what_cannot_be_half_done_is_one_transaction(app: str, name: str) -> None:
    assert MigrationExecutor(connection).loader.get_migration(app, name).atomic


def test_a_way_back_that_was_broken_off_is_gone_again(cast: Cast, back: Back) -> None:
    ask("ALTER TABLE accounts_apikey DROP COLUMN rests_since")
    back("accounts", "0005_organisations_are_checked")
    forward("accounts")
    columns = "SELECT table_name::text FROM information_schema.columns WHERE column_name IN (%s, %s) ORDER BY 1"
    assert ask(columns, "rests_since", "by_provider_at") == [("accounts_apikey",), ("accounts_user",)]


def test_organisers_go_with_the_migration_that_made_their_role(cast: Cast, back: Back) -> None:
    Appointment.objects.create(user=cast.alice, role="organiser")
    Appointment.objects.create(user=cast.bob, role="auditor")
    back("roles", "0001_roles")
    assert ask("SELECT role FROM roles_appointment") == [("auditor",)]


def test_two_collections_of_one_name_are_named_before_anything_is_taken_back(cast: Cast, back: Back) -> None:
    other = Organisation.objects.create(name="Other")
    Collection.objects.create(name="Handbook")
    twin = Collection.objects.create(name="Handbook", tenant=other.pk)
    with pytest.raises(IrreversibleError, match="have the same name: Handbook"):
        back("retrieval", "0005_what_was_put_in_by_hand")
    # Later migrations are taken back by now: the model has columns that are gone.
    ask("UPDATE retrieval_collection SET name = %s WHERE id = %s", f"Handbook {uuid.uuid4()}", str(twin.pk))
    back("retrieval", "0005_what_was_put_in_by_hand")
    assert len(ask("SELECT name FROM retrieval_collection")) == 2


def test_what_was_attached_to_chats_goes_with_the_migration_that_told_it_apart(cast: Cast, back: Back) -> None:
    """In the version before, its collection would be one that administrators read."""
    kept = Document.objects.create(collection=Collection.objects.create(name="Handbook"), name="a", size=1, sha256="a")
    home = Conversation.objects.create(owner=cast.alice)
    hidden = Collection.objects.create(name=f"attached to {home.pk}", attached=True)
    Attached.objects.create(conversation=home, collection=hidden)
    private = Document.objects.create(collection=hidden, name="b", size=1, sha256="b")
    passage = Passage.objects.create(document=private, ordinal=0, text="Private.")
    PassageVector.objects.create(passage=passage, model="m", vector=b"12")
    answer = Message.objects.create(conversation=home, role="assistant", text="So it is [1].")
    Citation.objects.create(message=answer, number=1, passage=passage, score=1.0)
    back("retrieval", "0006_tenants")
    assert ask("SELECT name FROM retrieval_collection") == [("Handbook",)]
    assert ask("SELECT id FROM retrieval_document") == [(kept.pk,)]
    assert ask("SELECT count(*) FROM retrieval_passage") == [(0,)]
    assert ask("SELECT document_id, kind FROM retrieval_indexchange") == [(private.pk, "remove")]
    assert ask("SELECT id FROM conversations_conversation") == [(home.pk,)]


def test_sources_are_of_their_collections_and_two_of_one_name_are_named_before(cast: Cast, back: Back) -> None:
    other = Organisation.objects.create(name="Other")
    theirs = Collection.objects.create(name="Theirs", tenant=other.pk)
    Source.objects.create(name="Wiki", kind="web", collection=Collection.objects.create(name="Ours"))
    twin = Source.objects.create(name="Wiki", kind="web", collection=theirs)
    with pytest.raises(IrreversibleError, match="have the same name: Wiki"):
        back("sources", "0005_who_reaches_private_networks")
    Source.objects.filter(pk=twin.pk).update(name="Their wiki")
    back("sources", "0005_who_reaches_private_networks")
    forward("sources")
    assert dict(Source.objects.values_list("name", "tenant")) == {"Their wiki": other.pk, "Wiki": HOUSE}


def test_no_migration_that_is_not_atomic_changes_columns() -> None:
    """One that was broken off behind them could not be run again."""
    loader = MigrationExecutor(connection).loader
    changing = re.compile("AddField|RemoveField|AlterField|CreateModel|AddConstraint")
    found = {
        key: [type(operation).__name__ for operation in migration.operations]
        for key, migration in loader.disk_migrations.items()
        if not migration.atomic and migration.__module__.startswith(("chatapp", "retrieval", "inference"))
    }
    assert ("accounts", "0005_organisations_are_checked") in found
    assert not {key for key, names in found.items() if any(map(changing.match, names))}
