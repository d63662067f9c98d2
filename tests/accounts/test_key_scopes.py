"""What a key is for is all that it opens, at every door that takes keys."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from chatapp.access import reach_of_each
from chatapp.accounts.bearer import PREFIXES
from chatapp.accounts.keys import Wanted, create_key, kept_keys, people_of_keys, revoke
from chatapp.accounts.models import ApiKey
from chatapp.accounts.scopes import DOORS, Action
from chatapp.documents.search import readable_passages
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast, signed_in_client


@pytest.fixture
def handbook(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Handbook", everyone=True)


@pytest.fixture
def payroll(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Payroll", everyone=True)


def document_in(collection: Collection) -> Passage:
    document = Document.objects.create(
        collection=collection, name="a.md", size=1, sha256="0" * 64, status="ready", ready_at=timezone.now()
    )
    return Passage.objects.create(document=document, ordinal=0, text="Everybody has 28 days.")


def bearing(key: str) -> Client:
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})


def key_for(person: Any, **wanted: Any) -> Client:
    return bearing(create_key(user=person, name=f"key {ApiKey.objects.count()}", wanted=Wanted(**wanted)))


def every_door() -> set[str]:
    """Names of the addresses under the prefixes that take keys."""
    found, left = set(), [("/", get_resolver().url_patterns)]
    while left:
        above, patterns = left.pop()
        for one in patterns:
            path = above + str(one.pattern)
            if hasattr(one, "url_patterns"):
                left.append((path, one.url_patterns))
            elif path.startswith(PREFIXES):
                found.add(one.name)
    return found


def test_each_door_that_takes_keys_says_what_it_is_for() -> None:
    assert every_door() == set(DOORS)


def test_an_action_opens_its_doors_alone_and_others_look_as_if_they_were_not_there(
    cast: Cast, handbook: Collection
) -> None:
    boss = cast.administrator
    absent = signed_in_client(cast.charlie).get("/api/sources/")
    reader = key_for(boss, actions=["read"])
    assert reader.get("/api/collections/").status_code == 200
    for answer in (
        reader.get("/api/sources/"),
        reader.get("/api/ingestion/"),
        reader.post("/api/search/", {"question": "x"}, content_type="application/json"),
        reader.post("/api/collections/", {"name": "New"}, content_type="application/json"),
        reader.delete(f"/api/collections/{handbook.pk}/"),
        reader.post(f"/api/collections/{handbook.pk}/documents/"),
    ):
        assert (answer.status_code, answer.json()) == (404, absent.json())
    assert key_for(boss, actions=["sources"]).get("/api/sources/").status_code == 200
    assert key_for(boss, actions=["sources"]).get("/api/collections/").status_code == 404
    assert key_for(boss, actions=[]).get("/api/collections/").status_code == 404


def test_a_key_without_a_list_does_all_that_its_person_may(cast: Cast, handbook: Collection) -> None:
    client = key_for(cast.administrator)
    assert client.get("/api/sources/").status_code == client.get("/api/ingestion/").status_code == 200
    assert client.patch(f"/api/collections/{handbook.pk}/", "{}", content_type="application/json").status_code == 200


@pytest.mark.parametrize("who", ["alice", "administrator"])
def test_a_key_for_one_collection_sees_no_other(
    who: str, cast: Cast, handbook: Collection, payroll: Collection
) -> None:
    person = getattr(cast, who)
    mine, other = document_in(handbook), document_in(payroll)
    client = key_for(person, collections=[handbook.pk])
    assert [one["name"] for one in client.get("/api/collections/").json()["collections"]] == ["Handbook"]
    assert client.get(f"/api/passages/{mine.pk}/").status_code == 200
    for path in (
        f"/api/collections/{payroll.pk}/",
        f"/api/collections/{payroll.pk}/documents/",
        f"/api/documents/{other.document_id}/",
        f"/api/passages/{other.pk}/",
        f"/documents/{other.document_id}/file/",
        "/api/ingestion/",
    ):
        assert client.get(path).status_code == 404, path
    body = {"question": "days", "collections": ["Payroll"]}
    assert client.post("/api/search/", body, content_type="application/json").status_code == 404


def test_two_keys_of_one_person_do_not_lend_each_other_what_they_open(
    cast: Cast, handbook: Collection, payroll: Collection
) -> None:
    ids = {document_in(handbook).pk, document_in(payroll).pk}
    wide = create_key(user=cast.alice, name="wide")
    narrow = create_key(user=cast.alice, name="narrow", wanted=Wanted(collections=[handbook.pk]))
    first, second = people_of_keys([wide, narrow])
    assert first is not None and second is not None
    assert len(readable_passages(first, ids)) == 2 and len(readable_passages(second, ids)) == 1
    assert [len(may.collections) for may in reach_of_each([first, second, first])] == [2, 1, 2]


def test_a_key_ends_when_it_was_said_to(cast: Cast, settings: Any) -> None:
    settings.API_KEY_DAYS, settings.API_KEY_DAYS_MOST = 30, 90
    client = key_for(cast.alice)
    row = ApiKey.objects.get()
    assert row.expires_at is not None and timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)
    assert client.get("/api/collections/").status_code == 200
    ApiKey.objects.update(expires_at=timezone.now())
    assert client.get("/api/collections/").status_code == 401
    assert [key.name for key in kept_keys(cast.alice)] == [row.name]
    for days in (0, 91, -1):
        with pytest.raises(Invalid):
            create_key(user=cast.alice, name="too long", wanted=Wanted(days=days))
    settings.API_KEY_DAYS_MOST = 0
    create_key(user=cast.alice, name="endless", wanted=Wanted(days=0))
    assert ApiKey.objects.get(name="endless").expires_at is None


def test_what_becomes_of_keys_is_written_down_without_the_key(cast: Cast) -> None:
    key = create_key(user=cast.alice, name="robot", wanted=Wanted(actions=["read"]))
    revoke(ApiKey.objects.get(), by=cast.administrator)
    lines = list(AuditEntry.objects.filter(action__startswith="api_key.").order_by("pk"))
    assert [(line.action, line.actor_name) for line in lines] == [
        ("api_key.made", "alice"),
        ("api_key.revoked", "administrator"),
    ]
    assert lines[0].detail["actions"] == ["read"] and key not in str([line.detail for line in lines])


def test_the_command_makes_keys_with_a_scope(cast: Cast, handbook: Collection) -> None:
    out = StringIO()
    arguments = ["--user", "alice", "--action", "search", "--collection", "Handbook", "--model", "footnote"]
    call_command("apikey", "create", "robot", *arguments, "--days", "7", "--json", stdout=out, stderr=StringIO())
    row = ApiKey.objects.get()
    assert (row.actions, row.collections, row.model_names) == (["search"], [str(handbook.pk)], ["footnote"])
    listed = StringIO()
    call_command("apikey", "list", "--user", "alice", stdout=listed)
    assert "opens: search" in listed.getvalue() and "ends " in listed.getvalue()


# -- the page ----------------------------------------------------------------------------------------------------------
FORM = {"name": "robot", "days": "30", "actions": ["read", "search"]}


def test_people_make_keys_see_them_once_and_revoke_them(cast: Cast, handbook: Collection) -> None:
    client = signed_in_client(cast.alice)
    made = client.post("/accounts/keys/", FORM | {"collections": [str(handbook.pk)]})
    row = ApiKey.objects.get()
    key = made.context["made"].key
    assert made.status_code == 200 and key in made.content.decode() and "no-store" in made.headers["Cache-Control"]
    assert (row.user, row.actions, row.collections) == (cast.alice, ["read", "search"], [str(handbook.pk)])
    page = client.get("/accounts/keys/").content.decode()
    assert "robot" in page and row.hint in page and key not in page
    assert bearing(key).get("/api/collections/").status_code == 200
    assert client.post(f"/accounts/keys/{row.pk}/revoke/").status_code == 302
    assert bearing(key).get("/api/collections/").status_code == 401


def test_a_key_has_a_purpose_and_only_collections_that_its_person_reads(cast: Cast) -> None:
    secret = Collection.objects.create(name="Secret")
    client = signed_in_client(cast.alice)
    for wrong in ({"actions": []}, {"collections": [str(secret.pk)]}, {"days": "100000"}, {"name": ""}):
        assert client.post("/accounts/keys/", FORM | wrong).status_code == 400, wrong
    assert not ApiKey.objects.exists() and "Secret" not in client.get("/accounts/keys/").content.decode()


def test_nobody_sees_or_revokes_keys_of_others(cast: Cast) -> None:
    create_key(user=cast.alice, name="hers")
    row = ApiKey.objects.get()
    for other in (cast.bob, cast.administrator):
        client = signed_in_client(other)
        assert client.post(f"/accounts/keys/{row.pk}/revoke/").status_code == 404
        assert client.get(f"/accounts/keys/of/{cast.alice.pk}/").status_code == 404
        assert "hers" not in client.get("/accounts/keys/").content.decode()
    assert ApiKey.objects.get().revoked_at is None


def test_administrators_see_all_keys_and_end_them_in_the_administration(cast: Cast) -> None:
    key = create_key(user=cast.alice, name="hers", wanted=Wanted(actions=[Action.READ]))
    client = signed_in_client(cast.administrator)
    page = client.get("/admin/accounts/apikey/").content.decode()
    assert "hers" in page and "read" in page
    assert client.get("/admin/accounts/apikey/add/").status_code in (403, 404)
    body = {"action": "revoke", "_selected_action": [str(ApiKey.objects.get().pk)]}
    client.post("/admin/accounts/apikey/", body)
    assert bearing(key).get("/api/collections/").status_code == 401
