"""Sources that mean harm, or are broken in ways that look like it."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from dulwich.objects import Blob, Tree
from dulwich.repo import Repo

from chatapp.accounts.models import User
from chatapp.documents.services import update_document
from retrieval.dates import storable_moment
from retrieval.models import Collection, Document
from retrieval.sources import guarded_http
from retrieval.sources.errors import SourceUnreachable
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.services import create_source
from tests.sources.conftest import Run, make_ready
from tests.sources.site import Site
from tests.sources.test_git import commit, repository, served
from tests.sources.test_web import crawled, page

__all__ = ["crawled", "repository", "served"]


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


def readers(path: str) -> list[tuple[bool, list[str]]]:
    found = Document.objects.filter(path=path).order_by("created_at")
    return [(one.restricted, sorted(one.readers.values_list("name", flat=True))) for one in found]


def test_a_new_version_has_the_readers_of_the_old_one_from_its_first_moment(
    source: Source, top: Path, run: Run, boss: User
) -> None:
    Group.objects.create(name="HR")
    (top / "salary.txt").write_text("the boss earns 10")
    run(source)
    make_ready()
    update_document(document=Document.objects.get(), by=boss, changes={"restricted": True, "readers": ["HR"]})
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    assert readers("salary.txt") == [(True, ["HR"]), (True, ["HR"])]
    make_ready()
    assert readers("salary.txt") == [(True, ["HR"])]


def test_readers_that_are_named_while_a_new_version_is_on_its_way_count_for_it_too(
    source: Source, top: Path, run: Run, boss: User
) -> None:
    Group.objects.create(name="HR")
    (top / "salary.txt").write_text("the boss earns 10")
    run(source)
    make_ready()
    old = Document.objects.get()
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    update_document(document=old, by=boss, changes={"restricted": True, "readers": ["HR"]})
    assert readers("salary.txt") == [(True, ["HR"]), (True, ["HR"])]


def test_a_document_that_was_moved_is_replaced_where_it_is(source: Source, top: Path, run: Run, boss: User) -> None:
    (top / "a.txt").write_text("first")
    run(source)
    make_ready()
    other = Collection.objects.create(name="Elsewhere")
    update_document(document=Document.objects.get(), by=boss, changes={"collection": str(other.pk)})
    (top / "a.txt").write_text("the second")
    run(source)
    make_ready()
    assert [document.collection for document in Document.objects.all()] == [other]


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -1400", "Mon, 01 Jan 99999999999 00:00:00 GMT"])
def test_impossible_dates_are_no_dates(crawled: Source, site: Site, run: Run, date: str) -> None:
    site.pages["/b"].headers["Last-Modified"] = date
    assert run(crawled).outcome == Source.Outcome.DONE
    assert Document.objects.get(path=f"{site.address}/b").dated_at is None


def test_only_moments_that_can_be_read_again_are_stored() -> None:
    assert storable_moment(datetime.fromisoformat("9999-12-31T23:59:59-14:00")) is None
    assert storable_moment(datetime.fromisoformat("0001-01-01T00:00:00+14:00")) is None
    sound = datetime.fromisoformat("2020-01-01T00:00:00+02:00")
    assert storable_moment(sound) == datetime(2019, 12, 31, 22, tzinfo=UTC)


def test_a_base_that_is_no_address_does_not_end_the_run(crawled: Source, site: Site, run: Run) -> None:
    site.put("/", '<html><head><base href="http://["></head><body><p>home</p><a href="/b">b</a></body></html>')
    assert run(crawled).outcome == Source.Outcome.DONE
    assert SourceItem.objects.filter(key=f"{site.address}/b").exists()


def test_a_connector_that_breaks_ends_its_run_with_a_word(
    source: Source, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("retrieval.sources.connectors.folder._files", breaks)
    assert run(source).error_code == "source_failed"


@pytest.fixture(params=[b"\r\n", b"X-Long: ", b"Transfer-Encoding: chunked\r\n\r\n"], ids=["body", "header", "chunk"])
def dripping(request: pytest.FixtureRequest) -> Iterator[str]:
    """Sends a byte now and then, for ever."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        connection, _ = server.accept()
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n" + request.param)
        while not stop.wait(0.1):
            try:
                connection.sendall(b"1")
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}/"
    stop.set()
    server.close()


def test_a_server_that_drips_is_not_waited_for(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "WHOLE_S", 1.0)
    begun = time.monotonic()
    with pytest.raises(SourceUnreachable, match="in time"):
        guarded_http.fetch(guarded_http.pool(["127.0.0.0/8"]), dripping, most_bytes=1_000_000)
    assert time.monotonic() - begun < 10


def test_the_next_address_of_a_host_is_tried(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    connect = socket.create_connection

    def both(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        return [*real("127.0.0.2", port, *rest, **options), *real("127.0.0.1", port, *rest, **options)]

    def only_the_second(address: tuple[str, int], *rest: Any) -> Any:
        if address[0] == "127.0.0.2":
            raise OSError("no route")
        return connect(address, *rest)

    site.put("/x", page("x"))
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", both)
        patched.setattr(socket, "create_connection", only_the_second)
        answer = guarded_http.fetch(guarded_http.pool(["127.0.0.0/8"]), f"{site.address}/x", most_bytes=10_000)
    assert answer.status == 200


def test_a_handshake_that_drips_is_not_waited_for(dripping: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_http, "WHOLE_S", 1.0)
    begun = time.monotonic()
    with pytest.raises(SourceUnreachable):
        guarded_http.fetch(
            guarded_http.pool(["127.0.0.0/8"]), dripping.replace("http:", "https:"), most_bytes=10_000_000
        )
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("address", ["fec0::1", "64:ff9b:1::7f00:1", "::127.0.0.1", "::ffff:0:127.0.0.1", "4000::1"])
def test_addresses_that_nobody_on_the_internet_has_are_refused(address: str) -> None:
    assert not guarded_http._may_reach(address, [])
    assert guarded_http._may_reach("2a00:1450:4001:80b::200e", [])


def test_a_repository_whose_git_folder_lies_elsewhere_is_refused(
    tmp_path: Path, top: Path, collection: Collection, run: Run, settings: Any
) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, source_folders=(top,))
    outside = tmp_path / "outside"
    outside.mkdir()
    commit(Repo.init(str(outside)), {"secret.md": "top secret"})
    (top / "inside").mkdir()
    (top / "inside" / ".git").write_text(f"gitdir: {outside}/.git\n")
    made = create_source(
        private_networks=True, name="W", collection=collection, kind="git", settings={"url": str(top / "inside")}
    )
    assert run(made).error_code == "bad_source_settings"
    assert not Document.objects.exists()


def test_a_repository_that_names_one_folder_millions_of_times_is_left(
    repository: Repo, collection: Collection, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sources.connectors.git._ENTRIES", 5_000)
    commit(repository, {"a.md": "text"})
    blob = Blob.from_string(b"text")
    repository.object_store.add_object(blob)
    tree = Tree()
    tree.add(b"a.other", 0o100644, blob.id)
    repository.object_store.add_object(tree)
    for _ in range(8):
        outer = Tree()
        for number in range(10):
            outer.add(f"f{number}".encode(), 0o040000, tree.id)
        repository.object_store.add_object(outer)
        tree = outer
    made: Any = repository[repository.refs[b"refs/heads/main"]]
    made.tree = tree.id
    repository.object_store.add_object(made)
    repository.refs[b"refs/heads/main"] = made.id
    begun = time.monotonic()
    failed = run(
        create_source(
            private_networks=True, name="W", collection=collection, kind="git", settings={"url": str(repository.path)}
        )
    )
    assert "too many files" in failed.error and time.monotonic() - begun < 20
