"""Who can read this, and why: the page agrees with the accessors, whatever the house looks like."""

from __future__ import annotations

import random
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import readership
from chatapp.documents.readership import Subject, asked_about, groups_shown, readers_page, verdicts
from chatapp.errors import NotFound
from chatapp.organisations.models import GroupPlace, Organisation
from chatapp.roles.models import Appointment
from retrieval.models import Collection, Document
from tests.documents.conftest import MakeDocument

People = dict[str, Any]


def reads(person: User, of: Collection | Document) -> bool:
    """By the accessors that the doors use."""
    try:
        if isinstance(of, Document):
            access.get_document(person, of.pk)
        else:
            return Collection.objects.readable_by(person).filter(pk=of.pk).exists()
    except NotFound:
        return False
    return True


class House:
    """Two organisations, and people, groups, roles, collections and documents of either, at random."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = random.Random(seed)
        house = Organisation.objects.get(slug="house")
        other = Organisation.objects.create(name="Other", slug="other")
        self.organisations = [house, other]
        self.groups = [Group.objects.create(name=f"group {number}") for number in range(5)]
        for group in self.groups:
            GroupPlace.objects.filter(group=group).update(organisation=chance.choice(self.organisations))
        self.people = [self._person(number) for number in range(14)]
        self.collections = [self._collection(number) for number in range(4)]
        self.documents = [self._document(number) for number in range(8)]
        for _ in range(5):
            self._appoint()

    def _some_groups(self) -> list[Group]:
        return self.chance.sample(self.groups, self.chance.randrange(4))

    def _person(self, number: int) -> User:
        chance = self.chance
        values: dict[str, Any] = {"is_active": chance.random() < 0.8, "organisation": chance.choice(self.organisations)}
        person = User.objects.create_user(f"person {number}", is_superuser=chance.random() < 0.15, **values)
        person.groups.set(self._some_groups())
        return person

    def _collection(self, number: int) -> Collection:
        tenant = self.chance.choice(self.organisations).pk
        made = Collection.objects.create(name=f"shelf {number}", tenant=tenant, everyone=self.chance.random() < 0.3)
        made.readers.set(self._some_groups())
        return made

    def _document(self, number: int) -> Document:
        collection, restricted = self.chance.choice(self.collections), self.chance.random() < 0.6
        made = Document.objects.create(
            collection=collection, name=f"paper {number}", size=1, sha256=f"{number:064}", restricted=restricted
        )
        made.readers.set(self._some_groups())  # those of one that is not restricted give nothing
        return made

    def _appoint(self) -> None:
        """Also of another organisation, as a row may be left behind by somebody who moved."""
        chance = self.chance
        curator = chance.random() < 0.7
        whose = {"user": chance.choice(self.people)} if chance.random() < 0.5 else {"group": chance.choice(self.groups)}
        collection = chance.choice(self.collections) if curator else None
        Appointment.objects.get_or_create(role="curator" if curator else "organiser", collection=collection, **whose)


@pytest.mark.parametrize("seed", range(12))
def test_it_never_disagrees_with_the_accessors(transactional_db: None, seed: int) -> None:
    house = House(seed)
    readers = 0
    both: list[Collection | Document] = [*house.collections, *house.documents]
    for of in both:
        subject = Subject.of(of)
        expected = {person.username for person in house.people if reads(person, of)}
        readers += len(expected)
        answers = verdicts(subject, house.people)
        assert {one.person.username for one in answers if one.reads} == expected
        assert all(one.reasons for one in answers), "each answer has a reason"
        assert {one.person.username for one in readers_page(subject).people} == expected
    assert readers > 10


@pytest.fixture
def curator(people: People, private: Collection) -> Client:
    """bob looks after Private, and reads it by his group as well."""
    Appointment.objects.create(role="curator", user=people["bob"], collection=private)
    return signed_in(people["bob"])


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def reasons(of: Collection | Document, person: User) -> tuple[str, ...]:
    (one,) = verdicts(Subject.of(of), [person])
    return one.reasons


def test_reasons_of_those_who_read(
    curator: Client, people: People, private: Collection, make_document: MakeDocument
) -> None:
    document = make_document(restricted=True)
    document.readers.add(Group.objects.get(name="owners"))
    assert reasons(private, people["administrator"]) == ("Administrator",)
    assert reasons(private, people["bob"]) == ("In members, which reads the collection", "Curator of the collection")
    alice = ("In owners, which reads the collection", "In owners, one of the document's own readers")
    assert reasons(document, people["alice"]) == alice
    Collection.objects.update(everyone=True)
    assert reasons(Collection.objects.get(), people["charlie"]) == ("Everybody reads the collection",)


def test_reasons_of_those_who_do_not(
    curator: Client, people: People, private: Collection, make_document: MakeDocument
) -> None:
    document = make_document(restricted=True)
    document.readers.add(Group.objects.get(name="owners"))
    (why,) = reasons(document, people["bob"])
    assert why == "Reads the collection, but the document has readers of its own; is in none of its groups: owners"
    (why,) = reasons(private, people["charlie"])
    assert why.endswith("is in none of its groups: members, owners")
    other = Organisation.objects.create(name="Other", slug="other")
    User.objects.filter(pk=people["alice"].pk).update(is_active=False, organisation=other)
    gone = User.objects.get(pk=people["alice"].pk)
    assert reasons(private, gone) == ("The account is closed", "Is of another organisation")
    document.readers.clear()
    assert reasons(document, people["bob"])[0].endswith("no group is named")


def test_groups_are_told_with_what_they_give(private: Collection, make_document: MakeDocument, people: People) -> None:
    strangers = Group.objects.create(name="strangers")
    document = make_document(restricted=True)
    document.readers.set([strangers, Group.objects.get(name="owners")])
    told = {one.name: (one.members, one.reasons) for one in groups_shown(Subject.of(document))}
    assert set(told) == {"members", "owners", "strangers"}
    assert told["owners"] == (1, ("Reads the collection", "One of the document's own readers"))
    assert "lets nobody in" not in str(told["owners"]) and "lets nobody in" in str(told["strangers"])
    assert "does not find the document" in str(told["members"])


def test_many_people_are_shown_a_page_at_a_time_and_by_name(
    curator: Client, private: Collection, people: People
) -> None:
    made = [User(username=f"reader {number:03}", last_name="Müller") for number in range(120)]
    User.objects.bulk_create(made)
    Group.objects.get(name="owners").user_set.add(*made)
    subject = Subject.of(private)
    numbers = [readers_page(subject, name="reader", number=number) for number in (1, 2, 3, 9)]
    assert [len(page.people) for page in numbers] == [50, 50, 20, 20] and numbers[0].total == 120
    assert numbers[0].people[0].person.username == "reader 000" and numbers[3].number == 3
    page = curator.get(f"/collections/{private.pk}/readers/?name=m%C3%BCller&page=2").content.decode()
    assert "120 people read it of that name" in page and "reader 050" in page and "Page 2 of 3" in page
    assert 'href="?name=m%C3%BCller&amp;page=3"' in page
    assert curator.get(f"/collections/{private.pk}/readers/?page=x").status_code == 400


def test_the_page_answers_whether_somebody_can_read_it(
    curator: Client, people: People, private: Collection, make_document: MakeDocument
) -> None:
    User.objects.filter(username="charlie").update(first_name="Charlie", last_name="Brown", email="cb@example.com")
    document = make_document()
    for address in (f"/collections/{private.pk}/readers/", f"/documents/{document.pk}/readers/"):
        for name in ("brown char", "cb@example"):
            page = curator.get(address, {"person": name}).content.decode()
            assert "Charlie Brown" in page and "Cannot read it" in page and "is in none of its groups" in page
        assert "There is nobody of that name here." in curator.get(address, {"person": "nobody"}).content.decode()
        assert "Can read it" in curator.get(address, {"person": "alice"}).content.decode()


def test_nobody_of_another_organisation_is_named_to_a_curator(
    curator: Client, people: People, private: Collection
) -> None:
    other = Organisation.objects.create(name="Other", slug="other")
    User.objects.create_user("dora", organisation=other)
    assert asked_about(people["bob"], Subject.of(private), "dora") == []
    (one,) = asked_about(people["administrator"], Subject.of(private), "dora")
    assert not one.reads and one.reasons == ("Is of another organisation",)


def test_it_is_for_who_looks_after_it_alone(
    curator: Client, people: People, private: Collection, make_document: MakeDocument
) -> None:
    document, board = make_document(), Collection.objects.create(name="Board")
    addresses = (f"/collections/{private.pk}/readers/", f"/documents/{document.pk}/readers/")
    for address in addresses:
        assert signed_in(people["alice"]).get(address).status_code == 404
        assert Client().get(address).status_code == 302
        assert curator.get(address).status_code == signed_in(people["administrator"]).get(address).status_code == 200
    for address in (f"/collections/{board.pk}/readers/", f"/collections/{uuid4()}/readers/"):
        assert curator.get(address).status_code == 404


def test_asking_about_many_of_one_name_is_bounded(curator: Client, people: People, private: Collection) -> None:
    User.objects.bulk_create(User(username=f"reader {number:03}") for number in range(30))
    assert len(asked_about(people["bob"], Subject.of(private), "reader")) == readership.MOST_ASKED_ABOUT
