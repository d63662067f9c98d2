from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import execute_from_command_line
from django.test import Client

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from retrieval.models import Collection, Document
from retrieval.sources.models import Source
from retrieval.sources.sync import run_source
from tests.sources.conftest import Run


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def reader(transactional_db: None) -> User:
    return User.objects.create_user("reader")


def door(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def manage(*arguments: str) -> dict[str, Any]:
    """As from a shell: what Django makes of the arguments first counts too."""
    with redirect_stdout(StringIO()) as out:
        execute_from_command_line(["manage.py", "sources", *arguments, "--json"])
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_a_source_is_made_run_and_removed_by_command(boss: User, top: Path, settled: None) -> None:
    (top / "a.md").write_text("text")
    made = manage(
        "add", "Share", f"path={top}", "endings=.md", "--kind", "folder", "--collection", "Handbook", "--every", "5"
    )
    assert made["source"]["settings"] == {"path": str(top), "endings": [".md"]}
    manage("run", "Share")
    assert run_source(Source.objects.get().pk) == "done"
    shown = manage("show", "Share")["source"]
    assert shown["outcome"] == "done" and shown["counts"] == {"seen": 1, "new": 1}
    assert [one["name"] for one in manage("list")["sources"]] == ["Share"]
    pk = Source.objects.get().pk
    manage("remove", "Share", "--with-documents")
    assert run_source(pk) == "done"
    assert not Source.objects.exists() and not Document.objects.exists()
    actions = list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["collection.added", "source.added", "source.run", "source.removed"]


@pytest.mark.parametrize(
    "wrong",
    [["path=share"], ["unheard=of"], ["path={top}", "--every", "-1"], ["path={top}", "--key", "HOME"]],
)
def test_a_source_that_is_refused_leaves_no_collection_behind(boss: User, top: Path, wrong: list[str]) -> None:
    given = [one.format(top=top) for one in wrong]
    with pytest.raises(SystemExit):
        manage("add", "Share", *given, "--kind", "folder", "--collection", "Handbook")
    assert not Collection.objects.exists() and not Source.objects.exists() and not AuditEntry.objects.exists()


def test_a_source_is_made_changed_and_run_over_the_api(boss: User, collection: Collection, top: Path) -> None:
    client = door(boss)
    body = {"name": "Share", "collection": str(collection.pk), "kind": "folder", "settings": {"path": str(top)}}
    made = client.post("/api/sources/", body, "application/json")
    assert made.status_code == 201, made.content
    address = f"/api/sources/{made.json()['source']['id']}/"
    changed = client.patch(address, {"every_minutes": 10}, "application/json")
    assert changed.json()["source"]["every_minutes"] == 10 and changed.json()["source"]["due_at"]
    assert client.post(f"{address}run/").status_code == 202
    assert client.post(f"{address}run/").status_code == 200
    assert client.delete(address).status_code == 409
    assert client.post(f"{address}stop/").status_code == 200
    run_source(Source.objects.get().pk)
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "name is missing"),
        ({"name": "x", "collection": "y", "kind": 3}, "wrong type"),
        ({"name": "x", "collection": "y", "kind": "folder", "state": "idle"}, "no field named 'state'"),
    ],
)
def test_what_the_api_cannot_take_is_refused_with_a_sentence(boss: User, body: dict[str, Any], sentence: str) -> None:
    answer = door(boss).post("/api/sources/", body, "application/json")
    assert answer.status_code == 400 and sentence in answer.content.decode()


def test_only_administrators_see_that_sources_exist(reader: User, source: Source) -> None:
    client, nobody = door(reader), Client()
    page = f"/admin/sources/source/{source.pk}/"
    for address in ("/api/sources/", f"/api/sources/{source.pk}/", page, "/admin/sources/source/"):
        assert client.get(address).status_code in (302, 403, 404), address
        assert nobody.get(address).status_code in (302, 401, 403, 404), address
    for action in ("run", "stop", "accept"):
        assert client.post(f"/api/sources/{source.pk}/{action}/").status_code == 404
        assert client.post(f"{page}../do/{action}/").status_code in (302, 403, 404)
    source.refresh_from_db()
    assert source.state == Source.State.IDLE


def test_a_source_is_made_changed_and_run_on_the_pages(boss: User, collection: Collection, top: Path, run: Run) -> None:
    client = door(boss)
    assert b"Git repository" in client.get("/admin/sources/source/add/").content
    fields = {"name": "Share", "collection": str(collection.pk), "set_path": str(top), "set_endings": ".md\n.txt\n"}
    made = client.post("/admin/sources/source/add/?kind=folder", fields)
    assert made.status_code == 302, made.content
    source = Source.objects.get()
    assert source.settings == {"path": str(top), "endings": [".md", ".txt"]}
    wrong = client.post(f"/admin/sources/source/{source.pk}/edit/", {"set_path": "relative", "enabled": "on"})
    assert b"absolute path" in wrong.content
    client.post(f"/admin/sources/source/{source.pk}/do/run/")
    source.refresh_from_db()
    assert source.state == Source.State.WAITING
    page = client.get(f"/admin/sources/source/{source.pk}/change/")
    assert b"Stop" in page.content and str(top).encode() in page.content
    assert client.get("/admin/sources/source/").status_code == 200
    assert client.get(f"/admin/sources/source/{source.pk}/do/run/").status_code == 405


def test_what_a_source_calls_its_documents_is_escaped(boss: User, source: Source, top: Path, run: Run) -> None:
    (top / "<img src=x onerror=alert(1)>.md").write_bytes(b"")
    run(source)
    page = door(boss).get(f"/admin/sources/source/{source.pk}/change/").content
    assert b"<img src=x" not in page


@pytest.mark.parametrize(
    ("kind", "given"),
    [("web", {"start": ["http://[::1"]}), ("web", {"start": ["http://[x"]}), ("folder", {"path": "/srv/\x00"})],
)
def test_settings_that_are_no_addresses_are_refused_at_every_door(
    boss: User, collection: Collection, kind: str, given: dict[str, Any]
) -> None:
    client = door(boss)
    body = {"name": "Share", "collection": str(collection.pk), "kind": kind, "settings": given}
    assert client.post("/api/sources/", body, "application/json").json()["error"]["code"] == "bad_source_settings"
    form = {f"set_{name}": "\n".join(value) if isinstance(value, list) else value for name, value in given.items()}
    rest = {"set_depth": "0", "set_most_pages": "10", "set_milliseconds_between": "0"} if kind == "web" else {}
    fields = {"name": "Share", "collection": str(collection.pk), **form, **rest}
    assert client.post(f"/admin/sources/source/add/?kind={kind}", fields).status_code == 200
    assert not Source.objects.exists()
