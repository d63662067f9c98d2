"""Nobody reads, lists or names anything of another organisation, whatever groups and roles say."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp import access
from chatapp.accounts.models import ApiKey, User
from chatapp.conversations.models import Conversation
from chatapp.documents import readership
from chatapp.errors import Invalid, NotFound
from chatapp.organisations import boundaries
from chatapp.organisations.models import GroupPlace, Organisation
from chatapp.organisations.services import create_organisation, move_person
from chatapp.roles.models import Appointment, Role
from chatapp.roles.services import appoint, is_auditor, is_organiser
from retrieval.models import Collection, Document, Reach
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, document_in, home


@pytest.fixture
def acme(transactional_db: None) -> Home:
    return home("acme")


@pytest.fixture
def globex(transactional_db: None) -> Home:
    return home("globex")


def patch(client: Client, path: str, **body: Any) -> int:
    return client.patch(path, body, content_type="application/json").status_code


def test_all_that_there_is_belongs_to_the_house(cast: Cast) -> None:
    collection = Collection.objects.create(name="Rules", everyone=True)
    assert {cast.alice.organisation_id, collection.tenant} == {HOUSE}
    assert GroupPlace.objects.get(group=cast.alice.groups.get()).organisation_id == HOUSE
    assert access.reach(cast.charlie).collections == {collection.pk}


def test_what_everybody_reads_everybody_of_its_organisation_reads(cast: Cast, acme: Home, globex: Home) -> None:
    houses = Collection.objects.create(name="Handbook", everyone=True)
    for person, theirs in ((acme.person, acme), (globex.person, globex)):
        assert access.reach(person).collections == {theirs.collection.pk}
        listed = signed_in_client(person).get("/api/collections/").json()["collections"]
        assert [one["id"] for one in listed] == [str(theirs.collection.pk)]
    assert access.reach(cast.alice).collections == {houses.pk}
    assert access.reach(cast.administrator).collections == {houses.pk}


def test_a_foreign_group_opens_nothing(acme: Home, globex: Home) -> None:
    closed = Collection.objects.create(name="Closed", tenant=acme.organisation.pk)
    closed.readers.add(acme.group)
    document = document_in(closed, "Secret of acme")
    appoint(role=Role.CURATOR, to=acme.group, collection=closed, by=None)
    appoint(role=Role.AUDITOR, to=acme.group, by=None)
    appoint(role=Role.ORGANISER, to=acme.group, by=None)
    globex.person.groups.add(acme.group)
    client = signed_in_client(globex.person)
    assert access.reach(globex.person).collections == {globex.collection.pk}
    assert not access.curates_any(globex.person) and not is_auditor(globex.person) and not is_organiser(globex.person)
    for path in (f"/api/collections/{closed.pk}/", f"/api/documents/{document.pk}/", f"/documents/{document.pk}/file/"):
        assert client.get(path).status_code == 404
    assert client.get(f"/api/passages/{document.passages.get().pk}/").status_code == 404
    assert access.reach(acme.person).collections == {acme.collection.pk, closed.pk}


def test_a_foreign_group_lets_nobody_into_documents_with_readers_of_their_own(acme: Home, globex: Home) -> None:
    Document.objects.filter(pk=acme.document.pk).update(restricted=True)
    acme.document.readers.add(globex.group)
    acme.person.groups.add(globex.group)
    assert access.reach(acme.person).groups == {acme.group.pk}
    assert not Document.objects.readable_by(acme.person).exists()
    for path in (f"/api/documents/{acme.document.pk}/", f"/documents/{acme.document.pk}/file/"):
        assert signed_in_client(acme.person).get(path).status_code == 404


def test_nobody_is_said_to_read_by_the_organisers_of_others(acme: Home, globex: Home) -> None:
    appoint(role=Role.ORGANISER, to=globex.group, by=None)
    acme.person.groups.add(globex.group)
    subject = readership.Subject.of(acme.collection)
    assert subject.organisers == {acme.organiser.pk} and subject.organising == {}
    (told,) = readership.verdicts(subject, [acme.person])
    assert told.reads and told.reasons == ("Everybody reads the collection",)


def test_whose_each_thing_is(acme: Home, globex: Home) -> None:
    key = ApiKey.objects.create(user=acme.person, name="program", sha256="0" * 64)
    for thing in (acme.person, acme.group, acme.collection, acme.organisation, key):
        assert boundaries.organisation_of(thing) == acme.organisation.pk
    GroupPlace.objects.filter(group=acme.group).delete()
    assert boundaries.organisation_of(Group.objects.get(pk=acme.group.pk)) is None


def test_a_collection_that_was_shared_with_a_foreign_group_stays_where_it_is(acme: Home, globex: Home) -> None:
    closed = Collection.objects.create(name="Closed", tenant=acme.organisation.pk)
    closed.readers.add(globex.group)
    assert closed.pk not in access.reach(globex.person).collections
    with pytest.raises(NotFound):
        access.get_collection(globex.person, closed.pk)


def test_an_organiser_looks_after_all_of_their_organisation_and_nothing_else(acme: Home, globex: Home) -> None:
    closed = Collection.objects.create(name="Closed", tenant=acme.organisation.pk)
    client = signed_in_client(acme.organiser)
    assert {*access.curated(acme.organiser)} == {acme.collection, closed}
    assert patch(client, f"/api/collections/{closed.pk}/", readers=["acme/board"]) == 200
    assert patch(client, f"/api/collections/{globex.collection.pk}/", description="x") == 404
    assert patch(client, f"/api/collections/{closed.pk}/", readers=["globex/board"]) == 400
    assert patch(client, f"/api/collections/{closed.pk}/", readers=["no such group"]) == 400
    assert patch(client, f"/api/documents/{acme.document.pk}/", collection=str(globex.collection.pk)) == 404


def test_a_group_of_another_organisation_and_none_at_all_are_refused_alike(acme: Home, globex: Home) -> None:
    client = signed_in_client(acme.organiser)
    told = [
        client.patch(
            f"/api/collections/{acme.collection.pk}/", {"readers": [name]}, content_type="application/json"
        ).json()["error"]["message"].replace(name, "…")
        for name in ("globex/board", "globex/nothing")
    ]  # fmt: skip
    assert told[0] == told[1]


def test_those_who_run_footnote_look_after_all_and_read_their_own(cast: Cast, acme: Home) -> None:
    client = signed_in_client(cast.administrator)
    assert patch(client, f"/api/collections/{acme.collection.pk}/", description="Ours") == 200
    assert client.get(f"/api/collections/{acme.collection.pk}/").status_code == 200
    assert client.get(f"/api/passages/{acme.passage.pk}/").status_code == 404
    assert client.get(f"/documents/{acme.document.pk}/file/").status_code == 404
    document = document_in(Collection.objects.create(name="House"), "Of the house")
    moved = patch(client, f"/api/documents/{document.pk}/", collection=str(acme.collection.pk))
    assert moved == 404  # not even they carry it over


def test_a_curator_is_of_the_organisation_of_the_collection(acme: Home, globex: Home) -> None:
    with pytest.raises(Invalid):
        appoint(role=Role.CURATOR, to=globex.person, collection=acme.collection, by=None)
    with pytest.raises(Invalid):
        appoint(role=Role.CURATOR, to=globex.group, collection=acme.collection, by=None)
    Appointment.objects.create(role=Role.CURATOR, user=globex.person, collection=acme.collection)  # by whatever way
    assert access.curated(globex.person).count() == 0
    assert access.reach(globex.person).collections == {globex.collection.pk}


def test_two_organisations_have_collections_of_one_name(cast: Cast, acme: Home, globex: Home) -> None:
    assert access.get_collection_by_name(acme.person, "Handbook") == acme.collection
    assert access.get_collection_by_name(globex.person, "Handbook") == globex.collection
    with pytest.raises(NotFound, match="no collection"):
        access.get_collection_by_name(cast.alice, "Handbook")


def test_the_page_of_documents_names_groups_of_ones_own_organisation(cast: Cast, acme: Home, globex: Home) -> None:
    page = signed_in_client(acme.organiser).get("/documents/").content.decode()
    assert "acme/board" in page and "globex/board" not in page and ">owners<" not in page


def test_those_who_run_footnote_are_offered_the_groups_that_may_be_named_there(cast: Cast, acme: Home) -> None:
    client = signed_in_client(cast.administrator)
    page = client.get("/documents/").content.decode()
    assert ' value="owners"' in page and "acme/board" not in page
    made = {"name": "New", "readers": ["acme/board"]}
    assert client.post("/api/collections/", made, content_type="application/json").status_code == 400
    assert (
        client.post("/api/collections/", {**made, "readers": ["owners"]}, content_type="application/json").status_code
        == 201
    )


def test_organisers_have_the_buttons_that_they_may_press_and_curators_have_not(acme: Home) -> None:
    appoint(role=Role.CURATOR, to=acme.person, collection=acme.collection, by=None)
    for person, hidden in ((acme.organiser, False), (acme.person, True)):
        page = signed_in_client(person).get("/documents/").content.decode()
        for button in ("new-collection", "first-collection", "delete-collection"):
            assert (f'id="{button}" hidden>' in page) is hidden and f'id="{button}"' in page


def test_groups_are_made_by_those_who_have_a_page_for_it(acme: Home) -> None:
    appoint(role=Role.CURATOR, to=acme.person, collection=acme.collection, by=None)
    Group.objects.all().delete()
    for person, leads in ((acme.organiser, True), (acme.person, False)):
        client = signed_in_client(person)
        page = client.get("/documents/").content.decode()
        assert "There are no groups yet." in page and ('href="/admin/auth/group/"' in page) is leads
        assert client.get("/admin/auth/group/").status_code == (200 if leads else 404)


def test_whom_to_turn_to_is_of_ones_own_organisation(cast: Cast, acme: Home, globex: Home) -> None:
    assert [one.username for one in access.administrators_of(acme.person)] == ["organiser@acme"]
    assert [one.username for one in access.administrators_of(cast.alice)] == ["administrator"]


def test_a_group_without_a_place_gives_nobody_anything(cast: Cast) -> None:
    group = cast.alice.groups.get()
    appoint(role=Role.AUDITOR, to=group, by=None)
    assert is_auditor(cast.alice)
    shared, own = Collection.objects.create(name="Shared"), Collection.objects.create(name="Open", everyone=True)
    shared.readers.add(group)
    document = document_in(own, "With readers of its own")
    Document.objects.filter(pk=document.pk).update(restricted=True)
    document.readers.add(group)
    assert access.reach(cast.alice) == Reach(frozenset({shared.pk, own.pk}), frozenset({group.pk}))
    GroupPlace.objects.filter(group=group).delete()
    assert not is_auditor(cast.alice)
    assert access.reach(cast.alice) == Reach(frozenset({own.pk}), frozenset())
    assert list(Collection.objects.readable_by(cast.alice)) == [own]
    assert not Document.objects.readable_by(cast.alice).exists()
    assert access.reach_of_group(Group.objects.get(pk=group.pk)) == Reach()


@pytest.mark.parametrize(("name", "slug"), [("", "x"), ("Acme", "other"), ("Other", "acme"), ("Other", "A b")])
def test_an_organisation_needs_a_name_and_a_short_name_of_its_own(acme: Home, name: str, slug: str) -> None:
    with pytest.raises(Invalid):
        create_organisation(name=name, slug=slug, by=None)
    assert Organisation.objects.count() == 2


def test_conversations_of_before_a_move_are_not_there(acme: Home, globex: Home) -> None:
    old = Conversation.objects.create(owner=acme.person, title="Of acme")
    move_person(acme.person, globex.organisation, by=None)
    person = User.objects.get(pk=acme.person.pk)
    with pytest.raises(NotFound):
        access.get_conversation(person, old.pk)
    assert list(access.conversations(person)) == []
    assert not person.groups.exists() and access.reach(person).collections == {globex.collection.pk}
