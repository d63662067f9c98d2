"""Organisers look after the people, groups, collections, limits and roles of their organisation, and see no others."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import ApiKey, ServiceAccount, User
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.governance.verification import verify
from chatapp.limits.models import Limit
from chatapp.organisations.models import Organisation
from chatapp.roles.models import Appointment, Role
from chatapp.safety import policy
from chatapp.safety.errors import ContentBlocked
from chatapp.safety.gates import clean_question
from chatapp.safety.models import FilterRule, WordList
from retrieval.models import Collection
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.fixture
def globex(cast: Cast) -> Home:
    return home("globex")


@pytest.fixture
def organiser(acme: Home) -> Client:
    return _recent(acme.organiser)


def _recent(person: User) -> Client:
    """Signed in a moment ago, as dangerous acts ask for."""
    return signed_in_client(person)


def names(client: Client, path: str) -> str:
    answer = client.get(f"/admin/{path}/")
    assert answer.status_code == 200, path
    return str(answer.content.decode())


PAGES = (
    "accounts/user", "accounts/serviceaccount", "accounts/apikey", "auth/group", "retrieval/collection",
    "retrieval/document", "sources/source", "limits/limit", "roles/appointment", "organisations/organisation",
)  # fmt: skip


def test_an_empty_list_of_rules_does_not_deny_those_for_all(organiser: Client) -> None:
    told = "neither masked nor blocked"
    assert told in names(organiser, "safety/filterrule")
    FilterRule.objects.create(what="email", where="answer", action="mask")
    page = names(organiser, "safety/filterrule")
    assert told not in page and "There are none yet." in page


def test_pages_list_what_is_of_their_organisation_alone(organiser: Client, acme: Home, globex: Home) -> None:
    for one in (acme, globex):
        slug = one.organisation.slug
        ServiceAccount.objects.create(
            username=f"bot@{slug}", is_service=True, owner=one.person, organisation=one.organisation
        )
        create_key(user=one.person, name=f"key of {slug}")
        Limit.objects.create(resource="turns", amount=5, user=one.person)
        Limit.objects.create(resource="turns", amount=6, group=one.group)
    for path in PAGES:
        page = names(organiser, path)
        assert "globex" not in page.casefold(), path
    assert all("acme" in names(organiser, path).casefold() for path in PAGES if path != "sources/source")


@pytest.mark.parametrize(
    "path",
    [
        "inference/modelversion",
        "safety/quarantineddocument",
        "signon/identityprovider",
        "inference/route",
        "mfa/authenticator",
    ],
)
def test_what_is_of_the_house_is_not_there(organiser: Client, path: str) -> None:
    assert organiser.get(f"/admin/{path}/").status_code == 404


def rows_of(one: Home) -> dict[str, Any]:
    limit = Limit.objects.create(resource="uploads", amount=5, user=one.person)
    role = Appointment.objects.create(role=Role.AUDITOR, user=one.person)
    create_key(user=one.person, name="program")
    return {
        "accounts/user": one.person.pk,
        "auth/group": one.group.pk,
        "retrieval/collection": one.collection.pk,
        "limits/limit": limit.pk,
        "roles/appointment": role.pk,
        "accounts/apikey": one.person.api_keys.get().pk,
        "organisations/organisation": one.organisation.pk,
    }


def test_rows_of_others_and_rows_that_are_not_there_look_the_same(organiser: Client, acme: Home, globex: Home) -> None:
    absent: dict[str, Any] = {"auth/group": 10**6, "limits/limit": 10**6, "roles/appointment": 10**6}
    theirs, mine = rows_of(globex), rows_of(acme)
    for path, pk in theirs.items():
        for what in ("change", "history", "delete"):
            missing = organiser.get(f"/admin/{path}/{absent.get(path, HOUSE)}/{what}/")
            found = organiser.get(f"/admin/{path}/{pk}/{what}/")
            assert (found.status_code, found.headers.get("Location")) == (
                missing.status_code, missing.headers.get("Location"),
            ), (path, what)  # fmt: skip
        assert organiser.get(f"/admin/{path}/{mine[path]}/change/").status_code == 200, path


def test_forms_offer_nothing_of_others(organiser: Client, acme: Home, globex: Home) -> None:
    for path in ("limits/limit", "roles/appointment", "retrieval/collection", "accounts/serviceaccount"):
        page = names(organiser, f"{path}/add")
        assert "globex" not in page and "owners" not in page, path
    assert "acme/board" in names(organiser, "retrieval/collection/add")
    completed = organiser.get(
        "/admin/autocomplete/",
        {"term": "person", "app_label": "limits", "model_name": "limit", "field_name": "user"},
    ).json()
    assert [one["text"] for one in completed["results"]] == ["person@acme"]


def add(client: Client, path: str, **values: Any) -> Any:
    return client.post(f"/admin/{path}/add/", values)


def test_an_organiser_adds_people_groups_and_collections_to_their_own(organiser: Client, acme: Home) -> None:
    password = {"password1": "a long password 1", "password2": "a long password 1", "usable_password": "true"}
    assert add(organiser, "accounts/user", username="dora", **password).status_code == 302
    assert add(organiser, "auth/group", name="nurses").status_code == 302
    assert add(organiser, "retrieval/collection", name="Wards", description="").status_code == 302
    dora = User.objects.get(username="dora@acme")
    assert (dora.organisation, dora.is_superuser, dora.is_staff) == (acme.organisation, False, False)
    assert Group.objects.get(name="acme/nurses").place.organisation == acme.organisation
    assert Collection.objects.get(name="Wards").tenant == acme.organisation.pk


def test_a_name_that_others_have_tells_nothing(organiser: Client, cast: Cast, acme: Home) -> None:
    """Not even that it is taken."""
    Group.objects.create(name="nurses")
    Collection.objects.create(name="Wards")
    password = {"password1": "a long password 1", "password2": "a long password 1", "usable_password": "true"}
    assert add(organiser, "accounts/user", username="alice", **password).status_code == 302
    assert add(organiser, "auth/group", name="nurses").status_code == 302
    assert add(organiser, "retrieval/collection", name="Wards", description="").status_code == 302
    again = add(organiser, "retrieval/collection", name="Wards", description="")
    assert again.status_code == 200 and "already" in again.content.decode()


def test_an_organiser_makes_nobody_an_administrator_and_moves_nobody(organiser: Client, acme: Home) -> None:
    page = names(organiser, f"accounts/user/{acme.person.pk}/change")
    assert "is_superuser" not in page and "is_staff" not in page and 'name="organisation"' not in page
    given = {
        "username": "person", "is_active": "on", "is_superuser": "on", "is_staff": "on",
        "organisation": str(HOUSE), "groups": [acme.group.pk],
    }  # fmt: skip
    assert organiser.post(f"/admin/accounts/user/{acme.person.pk}/change/", given).status_code == 302
    person = User.objects.get(pk=acme.person.pk)
    assert (person.is_superuser, person.is_staff, person.organisation) == (False, False, acme.organisation)
    assert person.username == "person@acme"


def test_an_organiser_gives_no_foreign_group_role_or_limit(organiser: Client, acme: Home, globex: Home) -> None:
    given = {"username": "person@acme", "is_active": "on", "groups": [globex.group.pk]}
    assert organiser.post(f"/admin/accounts/user/{acme.person.pk}/change/", given).status_code == 200
    assert add(organiser, "roles/appointment", role="auditor", user=str(globex.person.pk)).status_code == 200
    for wrong in ({"user": str(globex.person.pk)}, {"group": globex.group.pk}, {}):
        assert add(organiser, "limits/limit", resource="requests", amount=1, seconds=60, **wrong).status_code == 200
    assert not Limit.objects.exists() and acme.person.groups.get() == acme.group
    ok = add(organiser, "limits/limit", resource="requests", amount=1, seconds=60, user=str(acme.person.pk))
    assert ok.status_code == 302 and Limit.objects.get().user == acme.person


def test_the_limit_of_an_organisation_is_not_its_organisers_to_change(organiser: Client, acme: Home) -> None:
    limit = Limit.objects.create(resource="tokens", amount=5, organisation=acme.organisation, together=True)
    assert organiser.get(f"/admin/limits/limit/{limit.pk}/change/").status_code == 200
    assert organiser.post(f"/admin/limits/limit/{limit.pk}/change/", {"amount": 10**6}).status_code == 404
    assert organiser.post(f"/admin/limits/limit/{limit.pk}/delete/", {"post": "yes"}).status_code == 404
    limit.refresh_from_db()
    assert limit.amount == 5


def test_an_organiser_revokes_keys_of_their_own_organisation_alone(organiser: Client, acme: Home, globex: Home) -> None:
    create_key(user=acme.person, name="program"), create_key(user=globex.person, name="program")
    keys = list(ApiKey.objects.values_list("pk", flat=True))
    organiser.post("/admin/accounts/apikey/", {"action": "revoke", "_selected_action": list(map(str, keys))})
    assert [one.user for one in ApiKey.objects.filter(revoked_at=None)] == [globex.person]


def test_those_who_run_footnote_move_people_by_their_page(cast: Cast, acme: Home) -> None:
    client = _recent(cast.administrator)
    given = {
        "username": "bob", "is_active": "on", "organisation": str(acme.organisation.pk),
        "groups": [one.pk for one in cast.bob.groups.all()], "date_joined_0": "2026-01-01", "date_joined_1": "10:00",
    }  # fmt: skip
    answer = client.post(f"/admin/accounts/user/{cast.bob.pk}/change/", given)
    assert answer.status_code == 302, answer.content.decode()
    bob = User.objects.get(pk=cast.bob.pk)
    assert bob.organisation == acme.organisation and not bob.groups.exists() and bob.organisation_since


def test_those_who_run_footnote_make_close_and_open_organisations(cast: Cast, acme: Home) -> None:
    client = _recent(cast.administrator)
    assert add(client, "organisations/organisation", name="Initech  Inc", slug="initech").status_code == 302
    made = Organisation.objects.get(slug="initech")
    assert made.name == "Initech Inc"
    again = add(client, "organisations/organisation", name="Initech   Inc", slug="other")
    assert again.status_code == 200 and "already exists" in again.content.decode()
    line = AuditEntry.objects.get(action="organisation.added", organisation=made.pk)
    assert line.actor == cast.administrator and line.detail == {"slug": "initech"}
    for action, is_open in (("close", False), ("open_again", True)):
        selected = {"action": action, "_selected_action": [str(made.pk), str(acme.organisation.pk)]}
        assert client.post("/admin/organisations/organisation/", selected).status_code == 302
        assert {*Organisation.objects.exclude(pk=HOUSE).values_list("is_active", flat=True)} == {is_open}
        assert User.objects.get(pk=acme.person.pk).is_active is is_open
    told = client.post(
        "/admin/organisations/organisation/", {"action": "close", "_selected_action": [str(HOUSE)]}, follow=True
    )
    assert "stays open" in told.content.decode() and Organisation.objects.get(pk=HOUSE).is_active
    chosen = {"organisation": str(made.pk), "name": "board"}
    assert add(client, "auth/group", **chosen).status_code == 302
    assert Group.objects.get(name="initech/board").place.organisation == made
    assert add(client, "retrieval/collection", description="", **chosen).status_code == 302
    assert Collection.objects.get(name="board").tenant == made.pk
    wrong = add(
        client, "retrieval/collection", description="", name="x", organisation=str(made.pk), readers=[acme.group.pk]
    )
    assert wrong.status_code == 200 and not Collection.objects.filter(name="x").exists()


def test_the_trail_of_an_organisation_is_read_there_alone(
    organiser: Client, cast: Cast, acme: Home, globex: Home
) -> None:
    boss = _recent(cast.administrator)
    assert add(boss, "auth/group", name="nurses", organisation=str(acme.organisation.pk)).status_code == 302
    changed = {"description": "Ours"}
    for one in (acme, globex):
        path = f"/api/collections/{one.collection.pk}/"
        assert boss.patch(path, changed, content_type="application/json").status_code == 200
    Appointment.objects.create(role=Role.AUDITOR, user=globex.person)
    Appointment.objects.create(role=Role.AUDITOR, user=cast.bob)
    seen = {
        "acme": names(organiser, "governance/auditentry"),
        "globex": names(_recent(globex.person), "governance/auditentry"),
        "house": names(_recent(cast.bob), "governance/auditentry"),
    }
    assert "acme/nurses" in seen["acme"] and "collection.changed" in seen["acme"]
    assert "acme" not in seen["globex"].casefold() and "collection.changed" in seen["globex"]
    assert "acme" not in seen["house"].casefold() and "globex" not in seen["house"].casefold()
    everything = names(boss, "governance/auditentry")
    assert "acme/nurses" in everything and "Globex" in everything
    chain.chain_all()
    assert verify().sound
    line = AuditEntry.objects.filter(organisation=globex.organisation.pk).first()
    assert line and organiser.get(f"/admin/governance/auditentry/{line.pk}/change/").status_code == 302


def test_rules_about_content_hold_in_their_organisation_alone(cast: Cast, acme: Home, globex: Home) -> None:
    client = _recent(acme.organiser)
    assert add(client, "safety/wordlist", name="projects", terms="Quokka").status_code == 302
    words = WordList.objects.get(name="acme/projects")
    rule = {"what": "words", "words": words.pk, "where": "question", "action": "block", "when_away": "closed"}
    assert add(client, "safety/filterrule", **rule).status_code == 302
    assert add(client, "safety/filterrule", **rule).status_code == 200  # there is one already
    assert add(client, "safety/filterrule", **{**rule, "collection": str(globex.collection.pk)}).status_code == 200
    assert add(client, "safety/filterrule", **{**rule, "group": globex.group.pk}).status_code == 200
    FilterRule.objects.create(what="words", words=words, where="question", action="block", collection=acme.collection)
    policy.forget()
    with pytest.raises(ContentBlocked):
        clean_question(acme.person, "What is Quokka?", None)
    for other in (cast.alice, globex.person):
        assert clean_question(other, "What is Quokka?", None) == "What is Quokka?"
    page = names(_recent(globex.organiser), "safety/wordlist") + names(_recent(globex.organiser), "safety/filterrule")
    assert "acme" not in page.casefold() and "projects" not in page
