"""Nobody is given a name that would read as another organisation's, whatever door they come through."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.organisations.models import Organisation
from chatapp.organisations.names import NameOfAnother
from chatapp.organisations.services import create_organisation, move_person
from chatapp.safety.models import WordList
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, group_of, home
from tests.scim.conftest import directory_of

REFUSED = "reads as one of another organisation"
PASSWORD = {"usable_password": "false"}


LOOKING_ALIKE = ["acme\uff0fLegal", "ac\u200bme/Legal", "\u2060acme\u2044Legal", "acme\u200d\u2215Legal"]


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.mark.parametrize("name", ["anna@acme", "anna@ACME", "anna@\uff41cme", "anna@x@acme"])
def test_a_person_of_the_house_does_not_look_like_one_of_another(cast: Cast, acme: Home, name: str) -> None:
    with pytest.raises(NameOfAnother):
        User.objects.create_user(name)
    page = signed_in_client(cast.administrator).post("/admin/accounts/user/add/", {"username": name, **PASSWORD})
    assert page.status_code == 200 and REFUSED in page.content.decode()
    assert not User.objects.filter(username__startswith="anna").exists()


@pytest.mark.parametrize("name", ["anna@ac\u200bme", "anna\uff20acme", "anna@\u2060acme\u200d"])
def test_signs_that_nobody_sees_make_no_other_name(acme: Home, name: str) -> None:
    with pytest.raises(NameOfAnother):
        User(username=name).save()


@pytest.mark.parametrize("name", ["anna@acme.example", "anna@house", "anna@nobody", "acme@", "acme"])
def test_other_names_are_as_free_as_before(cast: Cast, acme: Home, name: str) -> None:
    page = signed_in_client(cast.administrator).post("/admin/accounts/user/add/", {"username": name, **PASSWORD})
    assert page.status_code == 302 and User.objects.get(username=name).tenant == HOUSE


def test_the_name_of_an_organisation_is_still_its_own(acme: Home) -> None:
    organiser = signed_in_client(acme.organiser)
    for given in ("anna", "bert@acme"):
        assert organiser.post("/admin/accounts/user/add/", {"username": given, **PASSWORD}).status_code == 302
    assert {"anna@acme", "bert@acme"} <= set(acme.organisation.people.values_list("username", flat=True))
    with pytest.raises(NameOfAnother):
        User.objects.create_user("carl@house", organisation=acme.organisation)


def test_commands_make_no_such_account(acme: Home) -> None:
    with pytest.raises(CommandError, match=REFUSED):
        call_command("signinlink", "anna@acme", "--create")


def test_a_service_account_is_named_within_the_organisation_of_its_owner(cast: Cast, acme: Home) -> None:
    boss = signed_in_client(cast.administrator)
    form = {"username": "bot@acme", "contact": "", "is_active": "on"}
    page = boss.post("/admin/accounts/serviceaccount/add/", {**form, "owner": cast.alice.pk})
    assert page.status_code == 200 and REFUSED in page.content.decode()
    assert boss.post("/admin/accounts/serviceaccount/add/", {**form, "owner": acme.person.pk}).status_code == 302
    assert User.objects.get(username="bot@acme").organisation == acme.organisation


def test_who_was_moved_keeps_their_name_and_takes_no_other_of_theirs(cast: Cast, acme: Home) -> None:
    move_person(acme.person, Organisation.objects.get(pk=HOUSE), by=cast.administrator)
    acme.person.first_name = "Anna"
    acme.person.save()
    assert acme.person.username == "person@acme"
    acme.person.username = "anna@acme"
    with pytest.raises(NameOfAnother):
        acme.person.save()


@pytest.mark.parametrize("name", ["acme/Legal", "ACME/Legal", "acme /Legal", *LOOKING_ALIKE])
def test_a_group_or_word_list_of_the_house_does_not_look_like_one_of_another(cast: Cast, acme: Home, name: str) -> None:
    boss = signed_in_client(cast.administrator)
    page = boss.post("/admin/auth/group/add/", {"name": name, "organisation": HOUSE})
    assert page.status_code == 200 and REFUSED in page.content.decode()
    words = boss.post("/admin/safety/wordlist/add/", {"name": name, "terms": "falcon", "patterns": ""})
    assert words.status_code == 200 and REFUSED in words.content.decode()
    with pytest.raises(NameOfAnother):
        Group.objects.create(name=name)
    assert boss.post("/admin/auth/group/add/", {"name": "other/Legal", "organisation": HOUSE}).status_code == 302
    own = {"name": name, "terms": "falcon", "patterns": "", "organisation": acme.organisation.pk}
    assert boss.post("/admin/safety/wordlist/add/", own).status_code == 302


def test_a_group_keeps_the_name_that_it_has(cast: Cast) -> None:
    old = Group.objects.create(name="acme/Legal")
    Organisation.objects.create(name="Acme", slug="acme")  # as an upgrade finds it
    boss = signed_in_client(cast.administrator)
    assert boss.post(f"/admin/auth/group/{old.pk}/change/", {"name": "acme/Legal"}).status_code == 302
    old.save()


@pytest.mark.parametrize("taken", ["person", "group", "words"])
def test_no_short_name_makes_the_names_of_others_its_own(cast: Cast, acme: Home, taken: str) -> None:
    if taken == "person":
        User.objects.create_user("anna@umbrella")
    elif taken == "group":
        group_of(Organisation.objects.get(pk=HOUSE), "Umbrella/Legal")
    else:
        WordList.objects.create(name="umbrella/projects", terms="falcon")
    with pytest.raises(Invalid, match="end with @umbrella or begin with umbrella/"):
        create_organisation(name="Umbrella", slug="umbrella", by=cast.administrator)
    boss = signed_in_client(cast.administrator)
    page = boss.post("/admin/organisations/organisation/add/", {"name": "Umbrella", "slug": "umbrella"})
    assert page.status_code == 200 and "begin with umbrella/" in page.content.decode()


def test_provisioning_names_nobody_as_of_another(cast: Cast, acme: Home) -> None:
    directory = directory_of("Directory", cast.administrator)
    person, group = directory.make("anna"), directory.make_group("Legal")
    answers = [
        directory.ask("POST", "Users", {"userName": "bert@acme"}),
        directory.ask("POST", "Groups", {"displayName": "acme/Board"}),
        directory.patch(f"Users/{person}", {"op": "replace", "value": {"userName": "anna@acme"}}),
        directory.patch(f"Groups/{group}", {"op": "replace", "value": {"displayName": "acme/Legal"}}),
    ]
    assert [one.status_code for one in answers] == [400] * 4
    assert all(one.json()["scimType"] == "invalidValue" and REFUSED in one.json()["detail"] for one in answers)
    for place in ('Users?filter=userName eq "person@acme"', 'Groups?filter=displayName eq "acme/board"'):
        assert directory.ask("GET", place).json()["totalResults"] == 0
