"""Signing in: passwords, one-time links, and what a stranger sees of everything else (nothing)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from chatapp.accounts import links
from chatapp.accounts.links import make_link
from chatapp.accounts.models import OneTimeLink, User
from tests.conftest import Cast, signed_in_session

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def alice(cast: Cast) -> User:
    cast.alice.set_password(PASSWORD)
    cast.alice.email = "alice@example.com"
    cast.alice.save()
    return cast.alice


def sign_in(client: Client, login: str, password: str = PASSWORD, **values: str) -> int:
    return client.post("/accounts/login/", {"login": login, "password": password, **values}).status_code


def signed_in(client: Client) -> bool:
    return client.get("/api/conversations/", headers={"Accept": "application/json"}).status_code == 200


@pytest.mark.parametrize("login", ["alice", "alice@example.com"])
def test_a_person_signs_in_by_name_or_address_and_out_again(alice: User, client: Client, login: str) -> None:
    assert sign_in(client, login) == 302
    assert signed_in(client)
    client.post("/accounts/logout/")
    assert not signed_in(client)


def test_a_wrong_password_and_an_unknown_name_look_the_same(alice: User, client: Client) -> None:
    answers = [
        client.post("/accounts/login/", {"login": name, "password": "wrong"}).content.decode()
        for name in ("alice", "nobody")
    ]
    errors = [re.findall(r'role="alert"><p>(.*?)</p>', page, re.S) for page in answers]
    assert errors[0] == errors[1] and "not correct" in errors[0][0]
    assert not signed_in(client)


def test_guessing_passwords_is_slowed_down(alice: User, client: Client) -> None:
    for _ in range(5):
        sign_in(client, "alice", "wrong")
    page = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}).content.decode()
    assert "Too many failed login attempts" in page
    assert not signed_in(client)


def test_an_account_that_was_closed_does_not_sign_in(alice: User, client: Client) -> None:
    alice.is_active = False
    alice.save()
    page = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD}, follow=True)
    assert b"closed" in page.content and b"administrator" in page.content
    assert not signed_in(client)


def test_after_signing_in_one_is_sent_to_the_page_that_one_wanted_but_never_to_another_site(
    alice: User, client: Client
) -> None:
    assert client.get("/documents/").headers["Location"] == "/accounts/login/?next=/documents/"
    with_query = client.get("/documents/?a=b&c=d").headers["Location"]
    assert with_query == "/accounts/login/?next=/documents/%3Fa%3Db%26c%3Dd"
    wanted = {"login": "alice", "password": PASSWORD, "next": "/documents/"}
    assert client.post("/accounts/login/", wanted).headers["Location"] == "/documents/"
    client.logout()
    elsewhere = {**wanted, "next": "https://elsewhere.example/"}
    assert client.post("/accounts/login/", elsewhere).headers["Location"] == "/"


def test_nobody_signs_up_or_resets_a_password_by_themselves(cast: Cast, client: Client) -> None:
    for path in ("/accounts/signup/", "/accounts/password/reset/", "/accounts/email/", "/accounts/password/change/"):
        assert client.get(path).status_code == 302, path
        client.cookies["sessionid"] = signed_in_session(cast.alice)
        assert client.get(path).status_code == 404, path
        client.cookies.clear()


def test_a_link_signs_in_once_and_asks_for_a_password(cast: Cast, client: Client) -> None:
    link = make_link(cast.alice)
    assert not cast.alice.has_usable_password()
    for _ in range(2):  # programs that look at links in mail do not use them up
        page = client.get(link)
        assert page.status_code == 200 and b"Sign in as alice" in page.content
    assert client.post(link).headers["Location"] == "/accounts/password/"
    assert signed_in(client)

    weak = client.post("/accounts/password/", {"new_password1": "short", "new_password2": "short"})
    assert weak.status_code == 200 and b"at least 10" in weak.content
    done = client.post("/accounts/password/", {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert done.headers["Location"] == "/" and signed_in(client)
    assert b"old_password" in client.get("/accounts/password/").content, "from here on the old one is asked for"

    other = Client()
    assert other.post(link).status_code == 404 and other.get(link).status_code == 404
    assert not signed_in(other)
    assert sign_in(other, "alice") == 302 and signed_in(other)


def test_a_link_mends_a_forgotten_password_for_a_while_and_ends_other_sessions(alice: User, client: Client) -> None:
    elsewhere = Client()
    sign_in(elsewhere, "alice")
    assert client.post(make_link(alice)).headers["Location"] == "/accounts/password/"
    assert b"Keep the password that I have" in client.get("/accounts/password/").content
    new = "another horse battery"
    assert client.post("/accounts/password/", {"new_password1": new, "new_password2": new}).headers["Location"] == "/"
    assert signed_in(client) and not signed_in(elsewhere)
    assert sign_in(Client(), "alice", new) == 302
    assert b"old_password" in client.get("/accounts/password/").content


def test_a_link_that_was_redeemed_long_ago_no_longer_lets_a_password_be_chosen(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "CHOOSE_WITHIN_S", -1)
    client.post(make_link(alice))
    assert b"old_password" in client.get("/accounts/password/").content
    new = "another horse battery"
    assert client.post("/accounts/password/", {"new_password1": new, "new_password2": new}).status_code == 200
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_links_expire_and_a_new_one_ends_those_before(cast: Cast, client: Client) -> None:
    first, second = make_link(cast.alice), make_link(cast.alice)
    assert client.get(first).status_code == 404
    OneTimeLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    page = client.get(second)
    assert page.status_code == 404 and b"signinlink" in page.content
    assert client.post(second).status_code == 404 and not signed_in(client)


def test_a_link_of_a_closed_account_does_not_open(cast: Cast, client: Client) -> None:
    link = make_link(cast.alice)
    cast.alice.is_active = False
    cast.alice.save()
    assert client.post(link).status_code == 404


def test_links_are_stored_hashed(cast: Cast) -> None:
    token = make_link(cast.alice).rstrip("/").split("/")[-1]
    assert token not in str(list(OneTimeLink.objects.values()))


def test_the_command_prints_a_link_that_works(cast: Cast, client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("signinlink", "alice")
    printed = capsys.readouterr().out
    path = "/accounts/link/" + printed.split("/accounts/link/")[1].split()[0]
    assert client.post(path).status_code == 302 and signed_in(client)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "empty"),
        ("x" * 300, "at most 150 characters"),
        ("Dana Whitlock", "letters, numbers"),
        ("\udcff", "not UTF-8 text"),
    ],
)
def test_a_name_that_nobody_can_have_makes_no_person(cast: Cast, name: str, sentence: str) -> None:
    people = User.objects.count()
    with pytest.raises(CommandError, match=sentence):
        call_command("signinlink", name, "--create")
    with pytest.raises(CommandError):
        call_command("signinlink", name)
    assert User.objects.count() == people


def every_path() -> list[str]:
    """One address for each pattern of the project, with made-up ids."""
    found: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> None:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                if pattern.app_name != "admin":
                    walk(pattern.url_patterns, route)
            else:
                found.append("/" + route)

    walk(get_resolver().url_patterns, "")
    made_up = {"uuid": "11111111-1111-4111-8111-111111111111", "int": "1", "str": "x", "slug": "x", "path": "x/y"}
    for kind, value in made_up.items():
        found = [re.sub(rf"<{kind}:\w+>", value, path) for path in found]
    return [*found, "/admin/"]


OPEN = (
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/inactive/",
    "/accounts/link/",
    "/accounts/passkey/",
    "/accounts/second-factor/answer/",
    "/accounts/signon/",
    "/healthz",
    "/language/",
    "/manifest/",
    "/readyz",
    "/v1/openapi.json",
    "/widget.js",  # it holds nothing of anybody
    "/widget/frame/",  # pages of listed origins alone, and what they ask is judged by the socket
    "/widget/leave/",  # whose ticket says that they began the chat
)


def test_nothing_but_sign_in_health_and_static_files_answers_a_stranger(db: None, client: Client) -> None:
    paths = every_path()
    assert len(paths) > 15 and not any("<" in path for path in paths)
    for path in paths:
        for method in ("get", "post", "delete", "patch"):
            answer = (
                getattr(client, method)(path, content_type="application/json") if method != "get" else client.get(path)
            )
            if not path.startswith(OPEN):
                refused = answer.status_code == 401 or answer.headers.get("Location", "").startswith("/accounts/login/")
                # To programs, what is not there says so before the key is looked at.
                refused = refused or (path.startswith("/v1/") and answer.status_code in (404, 405))
                assert refused, (method, path, answer.status_code)


def test_the_pages_of_sign_in_carry_the_rules_of_content_security(db: None, client: Client) -> None:
    headers = client.get("/accounts/login/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY" and headers["X-Content-Type-Options"] == "nosniff"


def test_forms_without_a_token_are_refused(alice: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert sign_in(strict, "alice") == 403
    assert not signed_in(strict)
