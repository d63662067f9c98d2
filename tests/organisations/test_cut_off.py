"""Who is moved, or whose organisation is closed, loses what is open within seconds; nobody comes back in by a side
door."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from chatapp.access import person_of_session
from chatapp.accounts.keys import create_key, person_of_key
from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from chatapp.organisations.models import Organisation
from chatapp.organisations.services import close_organisation, create_organisation, move_person, open_organisation
from chatapp.roles.services import is_organiser
from retrieval.sources.models import Source
from retrieval.tenants import HOUSE
from tests.access.losing import EVERYTHING, Losing, closed, moved, prepared
from tests.access.test_revocation import GOAL_S, Webs, webs  # noqa: F401
from tests.conftest import Cast, signed_in_client, signed_in_session
from tests.conversations.conftest import folder, index, index_double, model, model_double, redis_address  # noqa: F401
from tests.conversations.model_double import ModelDouble
from tests.ingestion.fake_index import FakeIndex
from tests.organisations.houses import Home, home


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


def again(person: User) -> User:
    return User.objects.get(pk=person.pk)


def test_closing_an_organisation_closes_its_accounts_alone_and_opening_it_opens_those(cast: Cast, acme: Home) -> None:
    fired = User.objects.create_user("fired@acme", organisation=acme.organisation, is_active=False)
    session, key = signed_in_session(acme.person), create_key(user=acme.person, name="program")
    source = Source.objects.create(
        name="News", collection=acme.collection, kind="web", every_minutes=5, state=Source.State.RUNNING
    )
    assert close_organisation(acme.organisation, by=cast.administrator) == 2
    assert person_of_session(session) is None and person_of_key(key) is None
    assert again(cast.alice).is_active
    source.refresh_from_db()
    assert (source.enabled, source.due_at, source.stop_asked) == (False, None, True)
    assert open_organisation(acme.organisation, by=cast.administrator) == 2
    assert person_of_session(session) == acme.person and person_of_key(key) == acme.person
    assert not again(fired).is_active
    lines = AuditEntry.objects.filter(action__startswith="organisation.").order_by("pk")
    assert [one.action for one in lines][-2:] == ["organisation.closed", "organisation.opened"]


def test_nobody_is_let_into_a_closed_organisation(cast: Cast, acme: Home) -> None:
    close_organisation(acme.organisation, by=None)
    made = User.objects.create_user("late@acme", organisation=acme.organisation)
    User.objects.filter(pk=acme.person.pk).update(is_active=True)
    moved = again(cast.bob)
    move_person(moved, acme.organisation, by=None)
    assert not any(again(one).is_active for one in (made, acme.person, moved))
    open_organisation(acme.organisation, by=None)
    assert all(again(one).is_active for one in (made, acme.person, moved))


def test_who_is_made_while_it_is_being_closed_is_closed_with_it(acme: Home) -> None:
    made: list[User] = []

    def make() -> None:
        try:
            made.append(User.objects.create_user("meanwhile@acme", organisation=acme.organisation))
        finally:
            connection.close()

    thread = threading.Thread(target=make)
    with transaction.atomic():
        close_organisation(acme.organisation, by=None)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # waits for the row of the organisation
    thread.join(10)
    assert not again(made[0]).is_active


def test_the_house_stays_open_and_so_does_whatever_has_those_who_run_footnote(cast: Cast, acme: Home) -> None:
    with pytest.raises(Invalid):
        close_organisation(Organisation.objects.get(pk=HOUSE), by=None)
    User.objects.filter(pk=acme.organiser.pk).update(is_superuser=True)
    with pytest.raises(Invalid):
        close_organisation(acme.organisation, by=None)
    assert again(acme.person).is_active


def test_who_is_moved_takes_nothing_along(cast: Cast, acme: Home) -> None:
    session, key = signed_in_session(acme.organiser), create_key(user=acme.organiser, name="program")
    service = User.objects.create(username="bot@acme", organisation=acme.organisation, owner=acme.organiser)
    client = signed_in_client(acme.organiser)
    move_person(acme.organiser, Organisation.objects.get(pk=HOUSE), by=cast.administrator)
    assert person_of_session(session) is None and person_of_key(key) is None
    assert client.get("/api/collections/").status_code == 401
    person = again(acme.organiser)
    assert not is_organiser(person) and person.organisation_id == HOUSE and again(service).owner is None
    move_person(person, acme.organisation, by=cast.administrator)
    assert person_of_session(session) is None and not is_organiser(again(person))
    left, joined = (AuditEntry.objects.filter(action=f"organisation.{one}").count() for one in ("left", "joined"))
    assert (left, joined) == (2, 2)


@pytest.mark.redis
@pytest.mark.parametrize("take", [closed, moved])
def test_what_is_open_ends_within_five_seconds_in_both_processes(
    webs: Webs,  # noqa: F811
    index: FakeIndex,  # noqa: F811
    model: ModelDouble,  # noqa: F811
    take: Callable[[Losing], None],
) -> None:
    acme = create_organisation(name="Acme", slug="acme", by=None)
    one = prepared(webs, 0, index, model, by_role=False, organisation=acme)
    try:
        one.open_everything()
        seconds = one.lose(take, EVERYTHING)
    finally:
        one.close()
    assert all(each < GOAL_S for each in seconds.values()), seconds
