"""People of a real directory sign in: who is let in, what they are given, and what nobody gets by."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chatapp.accounts.keys import create_key, person_of_key
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.organisations.services import create_organisation
from chatapp.roles.models import Appointment
from tests.ldap.conftest import BASE, ERIN, MALLORY, House


def groups_of(user: User) -> set[str]:
    return set(user.groups.values_list("name", flat=True))


def test_the_first_sign_in_makes_a_person_with_their_groups_and_the_next_finds_them(house: House) -> None:
    client = Client()
    assert house.signs_in("erin", ERIN, client)
    erin = User.objects.get(username="erin")
    assert (erin.email, erin.first_name, erin.last_name) == ("erin@example.com", "Erin", "Example")
    assert groups_of(erin) == {"Staff"} and not erin.is_superuser and not erin.has_usable_password()
    assert client.get("/").status_code == 200
    for name in ("erin", "ERIN", "erin@example.com", " erin "):
        assert house.signs_in(name, ERIN), name
    assert User.objects.count() == 1 and SocialAccount.objects.get().provider == "staff-directory"
    assert AuditEntry.objects.filter(action="sign_in").count() == 5


def test_groups_and_the_rights_of_an_administrator_are_given_and_taken(house: House) -> None:
    assert house.signs_in("alice", "of another alice")
    alice = User.objects.get()
    assert alice.is_superuser and alice.is_staff and groups_of(alice) == {"Staff"}
    alice.groups.add(Group.objects.create(name="Given here"))
    house.directory(groups={"empty": "Nobody"}, administrators=["empty"])
    assert house.signs_in("alice", "of another alice")
    alice.refresh_from_db()
    assert not alice.is_superuser and groups_of(alice) == {"Given here"}


def test_nobody_becomes_who_has_the_same_name_or_address_here(house: House) -> None:
    here = User.objects.create_superuser("alice", password="a password of this house")
    assert house.signs_in("alice", "of another alice")
    there = SocialAccount.objects.get().user
    assert there.pk != here.pk and there.username != "alice"
    User.objects.create_user("else", email="erin@example.com")
    answer = house.answer("erin", ERIN)
    assert answer.status_code == 403 and b"has an account here already" in answer.content


WRONG = (
    ("erin", "wrong"), ("erin", ""), ("nobody", ERIN), ("erin", "\0"), ("erin", f"{ERIN}\0"),
    ("*", ERIN), ("er*", ERIN),
    ("erin)(uid=*", ERIN), ("*)(|(uid=*", ERIN), ("erin)(&)", ERIN),
    (f"uid=erin,ou=people,{BASE}", ERIN), ("erin\\", ERIN),
    ("(erin)", ERIN), ("\\65rin", ERIN), ("e\u00adrin", ERIN), ("erin\u200b", ERIN), ("ｅｒｉｎ", ERIN),
    ("x" * 5000, ERIN),
    ("erin", "x" * 5000), ("admin", "of the directory"), ("erin", MALLORY), ("%(user)s", ERIN), ("erin%s", ERIN),
)  # fmt: skip


def test_no_other_name_and_no_other_password_opens(house: House) -> None:
    for name, password in WRONG:
        cache.clear()  # what was guessed before
        answer = house.answer(name, password)
        assert answer.status_code == 200, (name, password)  # the form again
    assert not User.objects.exists()


def test_guessing_is_slowed_down_and_counts_the_name_as_the_directory_has_it(house: House) -> None:
    for name in ("erin", "ERIN", "Erin", " erin", "eRin"):
        assert not house.signs_in(name, "wrong")
    assert not house.signs_in("erin", ERIN)  # the right one, at the same address
    assert house.signs_in("alice", "of another alice")


def test_a_closed_account_stays_closed_and_its_groups_as_they_are(house: House) -> None:
    assert house.signs_in("erin", ERIN)
    User.objects.update(is_active=False)
    Group.objects.get(name="Staff").user_set.clear()
    answer = house.answer("erin", ERIN)
    assert answer.status_code == 403 and b"closed" in answer.content
    assert not groups_of(User.objects.get())
    assert AuditEntry.objects.filter(action="sign_on.refused").exists()


def test_domains_and_groups_decide_who_is_let_in(house: House) -> None:
    house.directory(domains=["example.com"], required_groups=["staff"])
    assert house.signs_in("erin", ERIN)
    assert house.answer("mallory", MALLORY).status_code == 403
    house.directory(creates_people=False)
    assert house.answer("mallory", MALLORY).status_code == 403
    assert house.signs_in("erin", ERIN)
    assert User.objects.count() == 1


def test_with_local_accounts_off_the_directory_alone_opens(house: House) -> None:
    User.objects.create_user("local", password="a password of this house")
    assert house.signs_in("local", "a password of this house") and house.signs_in("erin", ERIN)
    house.directory(local_accounts=False)
    assert house.signs_in("erin", ERIN)
    assert not house.signs_in("local", "a password of this house")
    assert b'type="password"' in Client().get("/accounts/login/").content


def test_a_session_lasts_as_long_as_the_directory_says_and_no_password_is_chosen_in_it(house: House) -> None:
    house.directory(session_hours=2)
    client = Client()
    assert house.signs_in("erin", ERIN, client)  # with "remember me"
    left = Session.objects.get().expire_date - timezone.now()
    assert 7000 < left.total_seconds() <= 7200
    assert client.get("/accounts/password/").status_code == 302


def test_an_entry_that_is_made_anew_under_the_same_name_is_another_person(house: House) -> None:
    again = (
        f"dn: uid=frank,ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: frank\ncn: F\nsn: F\nuserPassword: once\n"
    )
    house.slapd.change(again, add=True)
    assert house.signs_in("frank", "once")
    house.slapd.change(f"dn: uid=frank,ou=people,{BASE}\nchangetype: delete\n")
    assert not house.signs_in("frank", "once")
    house.slapd.change(again, add=True)
    try:
        assert house.signs_in("frank", "once")
        assert SocialAccount.objects.count() == 2 and User.objects.count() == 2
    finally:
        house.slapd.change(f"dn: uid=frank,ou=people,{BASE}\nchangetype: delete\n")


def test_over_tls_the_certificate_counts(house: House) -> None:
    certificate = str(house.slapd.folder / "cert.pem")
    house.directory(house.slapd.tls_address, ca_file=certificate)
    assert house.signs_in("erin", ERIN)
    house.directory(house.slapd.tls_address)
    assert house.answer("erin", ERIN).status_code == 502
    house.directory(house.slapd.tls_address.replace("127.0.0.1", "localhost"), ca_file=certificate)
    assert house.answer("erin", ERIN).status_code == 502  # another name than it is made out to
    house.directory(start_tls=True, ca_file=certificate)
    assert house.signs_in("erin", ERIN)


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1]
        for one in kept:
            one.close()


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_server_that_says_nothing_holds_nobody_up(house: House, scheme: str) -> None:
    User.objects.create_superuser("local", password="a password of this house")
    with silent() as port:
        house.directory(f"{scheme}://127.0.0.1:{port}", seconds=1)
        begun = time.monotonic()
        assert house.answer("erin", ERIN).status_code == 502
        assert time.monotonic() - begun < 20  # 6 at most, and what else the machine does
        assert house.signs_in("local", "a password of this house")  # who has an account here gets in meanwhile


def test_a_server_that_is_away_or_knows_not_our_account_is_told_as_such(house: House, settings: object) -> None:
    house.directory("ldap://127.0.0.1:9")
    assert house.answer("erin", ERIN).status_code == 502
    house.settings.SIGNON_KEYS = {"SIGNON_KEY_DIRECTORY": "wrong"}
    house.directory()
    assert house.answer("erin", ERIN).status_code == 502


def test_groups_that_cannot_be_read_take_nothing_away(house: House) -> None:
    assert house.signs_in("erin", ERIN)
    house.directory(group_base="ou=nowhere,dc=example,dc=com")
    assert house.answer("erin", ERIN).status_code == 502
    assert groups_of(User.objects.get()) == {"Staff"}


def test_the_pages_of_the_administration_show_people_of_the_directory(house: House) -> None:
    client = Client()
    assert house.signs_in("alice", "of another alice", client)
    for page in (
        "/admin/socialaccount/socialaccount/",
        f"/admin/socialaccount/socialaccount/{SocialAccount.objects.get().pk}/change/",
    ):
        assert client.get(page).status_code == 200, page
    assert client.get("/accounts/again/").status_code == 200
    assert client.post("/accounts/logout/").status_code == 302


def test_an_administrator_of_the_directory_changes_who_may_what_with_a_sign_in_of_the_last_minutes(
    house: House,
) -> None:
    client = Client()
    assert house.signs_in("alice", "of another alice", client)
    bob, form = User.objects.create_user("bob"), {"role": "auditor"}
    form["user"] = str(bob.pk)
    assert client.post("/admin/roles/appointment/add/", form).headers["Location"] == "/admin/roles/appointment/"
    assert Appointment.objects.get().user == bob
    session = client.session
    session["signed_in_at"] = time.time() - 601
    session.save()
    page = client.post("/admin/roles/appointment/add/", form, follow=True).content.decode()
    assert "Sign out, sign in again" in page and 'action="/accounts/logout/"' in page and 'name="password"' not in page
    client.post("/accounts/logout/")
    assert house.signs_in("alice", "of another alice", client)
    assert client.post("/admin/roles/appointment/add/", {**form, "role": "organiser"}).status_code == 302
    assert Appointment.objects.count() == 2


def test_a_directory_that_is_bound_to_an_organisation_makes_people_of_it_alone(house: House) -> None:
    acme = create_organisation(name="Acme", slug="acme", by=None)
    assert house.signs_in("alice", "of another alice"), "of the house, before it was bound"
    house.directory(organisation="acme")
    assert house.signs_in("erin", ERIN)
    erin = User.objects.get(username="erin@acme")
    assert erin.tenant == acme.pk and [group.name for group in erin.groups.all()] == ["acme/Staff"]
    assert house.answer("alice", "of another alice").status_code == 403
    assert AuditEntry.objects.get(action="sign_on.refused").detail["reason"] == "organisation"


def test_a_sign_in_at_the_directory_wakes_a_key_that_rests(house: House) -> None:
    assert house.signs_in("erin", ERIN)
    key = create_key(user=User.objects.get(username="erin"), name="nightly")
    User.objects.update(by_provider_at=timezone.now() - timedelta(days=31))
    assert person_of_key(key) is None
    assert not house.signs_in("erin", "another")
    assert person_of_key(key) is None
    assert house.signs_in("erin", ERIN)
    assert person_of_key(key) is not None
