"""Another password for oneself: by one page, which counts guesses, and without losing the provider's hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from chatapp.accounts import guessing
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.signon import sessions
from chatapp.signon.config import OIDC, Provider
from chatapp.signon.models import SignOnSession
from tests.conftest import Cast, signed_in_client

OLD, NEW = "correct horse battery", "another horse battery"
PAGE = "/accounts/password/"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def administrator(cast: Cast) -> User:
    cast.administrator.set_password(OLD)
    cast.administrator.save()
    return cast.administrator


def form(old: str = OLD, new: str = NEW) -> dict[str, str]:
    return {"old_password": old, "new_password1": new, "new_password2": new}


def test_it_is_changed_by_who_knows_the_old_one_and_ends_other_sessions(administrator: User) -> None:
    here, elsewhere = signed_in_client(administrator), signed_in_client(administrator)
    assert b"old_password" in here.get(PAGE).content
    assert here.post(PAGE, form(old="wrong")).status_code == 200
    assert here.post(PAGE, form()).headers["Location"] == "/"
    administrator.refresh_from_db()
    assert administrator.check_password(NEW)
    assert here.get("/").status_code == 200 and elsewhere.get("/").status_code == 302
    assert AuditEntry.objects.filter(action="sign_in.again_failed").count() == 1


def test_the_administration_has_no_password_page_of_its_own(administrator: User) -> None:
    client = signed_in_client(administrator)
    for answer in (client.get("/admin/password_change/"), client.post("/admin/password_change/", form())):
        assert answer.headers["Location"] == PAGE
    administrator.refresh_from_db()
    assert administrator.check_password(OLD)


def test_guessing_the_old_one_ends_after_some_tries(administrator: User) -> None:
    client = signed_in_client(administrator)
    answers = [client.post(PAGE, form(old=f"guess {number}")).status_code for number in range(11)]
    assert answers == [200] * 10 + [429]
    assert client.post(PAGE, form()).status_code == 429, "nor is the right one looked at"


@pytest.mark.parametrize(("page", "field"), [(PAGE, "old_password"), ("/accounts/again/", "password")])
def test_guessing_slowly_ends_too(administrator: User, page: str, field: str) -> None:
    client = signed_in_client(administrator)
    answers = []
    for number in range(21):
        cache.clear()  # a minute passes for the count of a minute
        answers.append(client.post(page, form() | {field: f"guess {number}"}).status_code)
    assert answers == [200] * 20 + [429]
    assert guessing.take_again(User.objects.get(username="alice")), "others have counts of their own"


def test_right_ones_do_not_count_as_guesses(administrator: User) -> None:
    client = signed_in_client(administrator)
    for _ in range(25):
        cache.clear()
        assert client.post("/accounts/again/", {"password": OLD}).status_code == 302


def test_the_provider_still_ends_a_session_whose_key_has_changed(administrator: User) -> None:
    client = signed_in_client(administrator)
    SignOnSession.objects.create(
        session_key=str(client.session.session_key),
        user=administrator,
        provider="corp",
        subject="administrator-at-corp",
        expires_at=timezone.now() + timedelta(hours=1),
    )
    passwords = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert client.post(f"/admin/accounts/user/{administrator.pk}/password/", passwords).status_code == 302
    assert client.get("/").status_code == 200
    corp = Provider("corp", "Corp", OIDC, "https://idp.example", client_id="footnote")
    assert sessions.end(corp, subject="administrator-at-corp") == 1
    assert client.get("/").status_code == 302 and not SignOnSession.objects.exists()


def test_who_came_from_a_provider_changes_none(administrator: User) -> None:
    client: Client = signed_in_client(administrator)
    session = client.session
    session["signon"] = {"provider": "corp", "id_token": ""}
    session.save()
    assert client.post(PAGE, form()).headers["Location"] == "/"
    administrator.refresh_from_db()
    assert administrator.check_password(OLD)
