"""Dangerous acts ask for a sign-in of the last ten minutes; the same act with one is done."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.http.response import HttpResponseBase
from django.test import Client

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.roles.models import Appointment
from chatapp.safety.models import FilterRule, WordList
from inference.models import Candidate, Job, ModelVersion, Route
from retrieval.models import Collection
from tests.conftest import Cast, signed_in_client

PASSWORD = "correct horse battery"
Act = Callable[[Client, Cast], HttpResponseBase]


@pytest.fixture
def client(cast: Cast) -> Client:
    cast.administrator.set_password(PASSWORD)
    cast.administrator.save()
    Collection.objects.create(name="Wards")
    FilterRule.objects.create(what="secret", where="answer", action="block")
    endpoint = {"kind": "openai", "base_url": "https://api.example.com/v1", "model": "m"}
    ModelVersion.objects.create(name="outside", **endpoint)
    return signed_in_client(cast.administrator)


def make_old(client: Client) -> None:
    session = client.session
    session["signed_in_at"] = time.time() - 601
    session.save()


UNCHANGED = {
    "username": "alice",
    "is_active": "on",
    "date_joined_0": "2026-01-01",
    "date_joined_1": "00:00:00",
}


def promote(client: Client, cast: Cast) -> HttpResponseBase:
    page = f"/admin/accounts/user/{cast.alice.pk}/change/"
    return client.post(page, {**UNCHANGED, "organisation": str(cast.alice.organisation_id), "is_superuser": "on"})


def set_a_password(client: Client, cast: Cast) -> HttpResponseBase:
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    return client.post(f"/admin/accounts/user/{cast.alice.pk}/password/", form)


def let_somebody_in(client: Client, cast: Cast) -> HttpResponseBase:
    """Who is shown a link, whatever else the form says."""
    return client.post("/admin/accounts/user/add/", {"username": "mole", "usable_password": "false"})


def delete_a_collection(client: Client, cast: Cast) -> HttpResponseBase:
    return client.delete(f"/api/collections/{Collection.objects.get().pk}/")


def change_an_endpoint(client: Client, cast: Cast) -> HttpResponseBase:
    page = f"/admin/inference/modelversion/{ModelVersion.objects.get().pk}/change/"
    form = client.get(page).context["adminform"].form
    values = {name: "" if form.initial.get(name) is None else form.initial[name] for name in form.fields}
    return client.post(page, values | {"base_url": "https://other.example.com/v1"})


def delete_a_rule(client: Client, cast: Cast) -> HttpResponseBase:
    return client.post(f"/admin/safety/filterrule/{FilterRule.objects.get().pk}/delete/", {"post": "yes"})


def give_a_role(client: Client, cast: Cast) -> HttpResponseBase:
    return client.post("/admin/roles/appointment/add/", {"role": "auditor", "user": str(cast.bob.pk)})


def state() -> list[Any]:
    alice = User.objects.get(username="alice")
    rows, address = (Collection, FilterRule, Appointment, User, Job), ModelVersion.objects.get().base_url
    return [alice.is_superuser, alice.has_usable_password(), address, *(model.objects.count() for model in rows)]  # type: ignore[attr-defined]


def fetch_a_model(client: Client, cast: Cast) -> HttpResponseBase:
    """The first that is there answers at once."""
    form = {"kind": "pull", "source": "https://other.example.com/m.gguf", "name": "helpful"}
    return client.post("/admin/inference/job/add/", form | dict.fromkeys(("sha256", "layers", "to", "version"), ""))


ACTS = [
    promote,
    set_a_password,
    let_somebody_in,
    delete_a_collection,
    change_an_endpoint,
    delete_a_rule,
    give_a_role,
    fetch_a_model,
]

HOLDING_SECRETS = [set_a_password]


@pytest.mark.parametrize("act", ACTS)
def test_an_old_sign_in_does_nothing_dangerous_and_a_new_one_does(cast: Cast, client: Client, act: Act) -> None:
    before = state()
    make_old(client)
    refused = act(client, cast)
    if act is delete_a_collection:
        assert refused.status_code == 403 and refused.json()["error"]["code"] == "sign_in_again"  # type: ignore[attr-defined]
    else:
        is_kept = "%2Faccounts%2Fagain%2Fentries%2F" in refused.headers["Location"]
        assert is_kept is (act not in HOLDING_SECRETS) and ("kept_entries" in client.session) is is_kept
    assert state() == before
    assert client.post("/accounts/again/", {"password": PASSWORD, "next": "/admin/"}).headers["Location"] == "/admin/"
    act(client, cast)
    assert state() != before


def test_no_model_takes_the_place_of_another_after_an_old_sign_in(cast: Cast, client: Client) -> None:
    at = {"kind": "openai", "base_url": "https://x.example.com/v1", "model": "m", "outside": True}
    new = ModelVersion.objects.create(name="elsewhere", **at)
    route = Route.objects.create(name="page", default=True)
    place = Candidate.objects.create(route=route, version=ModelVersion.objects.get(name="outside"), position=1)
    shown = client.get("/admin/inference/rollout/add/").context["adminform"].form
    values = {name: "" if field.initial is None else field.initial for name, field in shown.fields.items()}
    form = values | {"new": str(new.pk), "leaves_the_house": "on", "at_once": "yes"}
    make_old(client)
    assert client.post("/admin/inference/rollout/add/", form).headers["Location"].startswith("/accounts/again/")
    assert Candidate.objects.get().version == place.version
    assert client.post("/admin/inference/route/explain/", {}).status_code == 200, "it only tells"
    client.post("/accounts/again/", {"password": PASSWORD})
    client.post("/admin/inference/rollout/add/", form)
    assert Candidate.objects.get().version == new


def entered(page: str) -> dict[str, str]:
    """What the page would send."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {html.unescape(name): html.unescape(value) for name, value in found}


WORDS = {"name": "Codes", "terms": "heron & <b>\r\nosprey"}


def test_what_was_entered_is_there_after_the_password_and_sent_by_the_person(cast: Cast, client: Client) -> None:
    make_old(client)
    client.post("/admin/safety/wordlist/add/", WORDS)
    assert "heron" not in str(dict(client.session)) and not WordList.objects.exists()
    asked = client.get("/accounts/again/", {"next": "/accounts/again/entries/"}).content.decode()
    assert "is kept" in asked and 'href="/admin/safety/wordlist/add/"' in asked
    onward = client.post("/accounts/again/", {"password": PASSWORD, "next": "/accounts/again/entries/"})
    page = client.get(onward.headers["Location"]).content.decode()
    assert 'action="/admin/safety/wordlist/add/"' in page and WORDS.items() <= entered(page).items()
    client.post("/admin/safety/wordlist/add/", entered(page))
    assert WordList.objects.get().terms == WORDS["terms"]
    assert client.get("/accounts/again/entries/").headers["Location"] == "/"


def test_it_is_kept_for_ten_minutes_and_for_that_person_alone(cast: Cast, client: Client) -> None:
    make_old(client)
    client.post("/admin/safety/wordlist/add/", WORDS)
    assert client.get("/accounts/again/entries/").headers["Location"].startswith("/accounts/again/")
    client.post("/accounts/again/", {"password": PASSWORD})
    assert client.get("/accounts/again/entries/").status_code == 200
    session = client.session
    session["kept_entries"] |= {"at": time.time() - 601}
    session.save()
    assert client.get("/accounts/again/entries/").headers["Location"] == "/"
    assert "kept_entries" not in client.session, "found too old"
    make_old(client)
    client.post("/admin/safety/wordlist/add/", WORDS)
    client.force_login(cast.bob)
    assert client.get("/accounts/again/entries/").headers["Location"] == "/"


@pytest.mark.parametrize("form", [WORDS | {"terms": "x" * 70_000}, WORDS | {"file": BytesIO(b"words")}])
def test_a_long_form_and_one_with_a_file_are_not_kept(cast: Cast, client: Client, form: dict[str, Any]) -> None:
    make_old(client)
    answer = client.post("/admin/safety/wordlist/add/", form)
    assert answer.headers["Location"].endswith("?next=%2Fadmin%2Fsafety%2Fwordlist%2Fadd%2F")
    assert "kept_entries" not in client.session


SECRETS = [
    "password1",
    "new_Password",
    "client_secret",
    "api_token",
    "private_key",
    "more-0-credentials",
    "certificate",
]


@pytest.mark.parametrize(
    "name, value", [*((name, "hush") for name in SECRETS), ("key_name", "sk-hush"), ("tokens", "sk-1")]
)
def test_a_form_that_may_hold_a_secret_is_not_kept(cast: Cast, client: Client, name: str, value: str) -> None:
    make_old(client)
    answer = client.post("/admin/safety/wordlist/add/", WORDS | {name: value})
    assert answer.headers["Location"].endswith("?next=%2Fadmin%2Fsafety%2Fwordlist%2Fadd%2F")
    assert "kept_entries" not in client.session


def test_names_of_settings_numbers_and_empty_fields_are_no_secrets(client: Client) -> None:
    make_old(client)
    said = {
        "key_name": "INFERENCE_KEY_MAIN",
        "more-0-context_tokens": "4096",
        "usable_password": "true",
        "password1": "",
    }
    client.post("/admin/safety/wordlist/add/", WORDS | said)
    client.post("/accounts/again/", {"password": PASSWORD})
    assert said.items() <= entered(client.get("/accounts/again/entries/").content.decode()).items()


def test_a_header_of_no_key_does_not_stand_in_for_the_password(cast: Cast, client: Client) -> None:
    make_old(client)
    before = state()
    for act in ACTS:
        client.defaults["HTTP_AUTHORIZATION"] = "Bearer of nothing"
        act(client, cast)
    assert state() == before


def test_what_is_not_dangerous_asks_for_nothing(cast: Cast, client: Client) -> None:
    make_old(client)
    page = f"/admin/accounts/user/{cast.alice.pk}/change/"
    client.post(page, {**UNCHANGED, "organisation": str(cast.alice.organisation_id), "first_name": "Alice"})
    assert User.objects.get(username="alice").first_name == "Alice"
    assert client.get("/admin/safety/filterrule/").status_code == 200


def test_a_wrong_password_opens_nothing_is_written_down_and_few_are_tried(cast: Cast, client: Client) -> None:
    make_old(client)
    answers = [client.post("/accounts/again/", {"password": "wrong"}).status_code for _ in range(12)]
    assert answers[0] == 200 and answers[-1] == 429
    assert AuditEntry.objects.filter(action="sign_in.again_failed").exists()
    assert act_is_refused(client, cast)


def act_is_refused(client: Client, cast: Cast) -> bool:
    return delete_a_collection(client, cast).status_code == 403


def test_it_leads_nowhere_else(cast: Cast, client: Client) -> None:
    for elsewhere in ("https://evil.example.com/", "//evil.example.com", "javascript:alert(1)"):
        answer = client.post("/accounts/again/", {"password": PASSWORD, "next": elsewhere})
        assert answer.headers["Location"] == "/"


def test_who_has_no_password_is_shown_the_way_out_and_in(cast: Cast) -> None:
    bob = signed_in_client(cast.bob)
    make_old(bob)
    page = bob.get("/accounts/again/").content.decode()
    assert "Sign out" in page and 'type="password"' not in page
    bob.post("/accounts/again/", {"password": ""})
    assert time.time() - bob.session["signed_in_at"] > 600


def test_a_key_has_no_session_to_grow_old(cast: Cast, client: Client) -> None:
    key = create_key(user=cast.administrator, name="program")
    assert delete_a_collection(Client(headers={"Authorization": f"Bearer {key}"}), cast).status_code == 204
