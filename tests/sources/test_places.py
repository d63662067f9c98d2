"""What comes back to a collection is as closed as it was when it went."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.models import User
from chatapp.documents.services import update_document
from chatapp.errors import Invalid
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import delete_collection, delete_document, receive_document
from retrieval.sources.connectors import folder
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.services import accept_removals, create_source
from retrieval.sources.sync import run_source
from tests.sources.conftest import Run, make_ready, names
from tests.sources.site import Site
from tests.sources.test_web import page


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def secret(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Secret")


@pytest.fixture
def hr(transactional_db: None) -> Group:
    return Group.objects.create(name="HR")


@pytest.fixture
def salary(source: Source, top: Path, run: Run) -> Document:
    """Ready, and open to whoever reads the collection."""
    (top / "other.txt").write_text("the menu")
    (top / "salary.txt").write_text("the boss earns 10")
    run(source)
    make_ready()
    return Document.objects.get(path="salary.txt")


def close(document: Document, boss: User) -> None:
    update_document(document=document, by=boss, changes={"restricted": True, "readers": ["HR"]})


def move(document: Document, boss: User, to: Collection) -> None:
    update_document(document=document, by=boss, changes={"collection": str(to.pk)})


def readers(path: str) -> tuple[bool, list[str]]:
    found = Document.objects.get(path=path)
    return found.restricted, sorted(found.readers.values_list("name", flat=True))


def test_a_restricted_document_that_goes_and_comes_back_is_restricted(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document
) -> None:
    close(salary, boss)
    away = (top / "salary.txt").rename(top.parent / "salary.txt")
    run(source)
    assert names(source.collection) == ["other.txt"]
    away.rename(top / "salary.txt")
    run(source)
    assert readers("salary.txt") == (True, ["HR"])
    assert readers("other.txt") == (False, [])


def test_one_that_comes_back_with_another_text_is_restricted_too(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document
) -> None:
    close(salary, boss)
    (top / "salary.txt").unlink()
    run(source)
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    assert readers("salary.txt") == (True, ["HR"])


def test_one_that_was_opened_before_it_went_comes_back_open(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document
) -> None:
    close(salary, boss)
    for _ in range(2):
        (top / "salary.txt").unlink()
        run(source)
        (top / "salary.txt").write_text("the boss earns 10")
        run(source)
        make_ready()
        update_document(document=Document.objects.get(path="salary.txt"), by=boss, changes={"restricted": False})
    assert readers("salary.txt") == (False, [])


def test_a_moved_document_that_is_renamed_at_the_source_stays_where_it_was_moved(
    source: Source, top: Path, run: Run, boss: User, secret: Collection, salary: Document
) -> None:
    move(salary, boss, secret)
    (top / "salary.txt").rename(top / "renamed.txt")
    run(source)
    make_ready()
    assert names(source.collection) == ["other.txt"]
    assert Document.objects.filter(collection=secret).count() == 1


def test_a_restricted_document_that_goes_and_comes_back_under_another_name_is_restricted(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document
) -> None:
    close(salary, boss)
    away = (top / "salary.txt").rename(top.parent / "salary.txt")
    run(source)
    away.rename(top / "renamed.txt")
    run(source)
    assert readers("renamed.txt") == (True, ["HR"])


@pytest.mark.parametrize(("name", "closed"), [("salary-2.txt", True), ("menu.txt", False), ("salary.md", False)])
def test_a_restricted_document_that_is_renamed_and_edited_at_once_is_known_by_its_name(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document, name: str, closed: bool
) -> None:
    close(salary, boss)
    (top / "salary.txt").unlink()
    (top / name).write_text("the boss earns 100")
    run(source)
    assert readers(name) == (closed, ["HR"] if closed else [])
    assert readers("other.txt") == (False, [])


def test_a_moved_document_that_is_renamed_and_edited_at_once_stays_where_it_was_moved(
    source: Source, top: Path, run: Run, boss: User, secret: Collection, salary: Document
) -> None:
    move(salary, boss, secret)
    (top / "salary.txt").unlink()
    (top / "salary-2.txt").write_text("the boss earns 100")
    run(source)
    assert names(source.collection) == ["other.txt"] and names(secret) == ["salary-2.txt"]


def test_a_restricted_document_that_somebody_deletes_comes_back_restricted(
    source: Source, top: Path, run: Run, boss: User, hr: Group, salary: Document
) -> None:
    close(salary, boss)
    delete_document(document=salary, by=boss)
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    assert readers("salary.txt") == (True, ["HR"])


def test_what_was_in_a_collection_that_was_deleted_comes_back_for_administrators_alone(
    source: Source, top: Path, run: Run, boss: User, secret: Collection, salary: Document
) -> None:
    move(salary, boss, secret)
    delete_collection(collection=secret, by=boss)
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    assert readers("salary.txt") == (True, [])


def test_the_collection_of_a_source_can_be_deleted_with_restricted_documents(
    source: Source, run: Run, boss: User, hr: Group, secret: Collection, salary: Document
) -> None:
    close(salary, boss)
    Collection.objects.all().delete()
    assert not Source.objects.exists() and not Document.objects.exists()


def test_pages_that_lead_to_a_sign_in_page_are_neither_gone_nor_opened(
    collection: Collection, site: Site, run: Run, boss: User, hr: Group
) -> None:
    paths = [f"/p{number}" for number in range(9)]
    for path in paths:
        site.put(path, page(path))
    settings = {"start": [f"{site.address}{path}" for path in paths], "milliseconds_between": 0}
    source = create_source(private_networks=True, name="Wiki", collection=collection, kind="web", settings=settings)
    run(source)
    make_ready()
    for document in Document.objects.all():
        close(document, boss)
    with Site() as elsewhere:
        elsewhere.put("/login", page("sign in"))
        for path in paths:
            site.put(path, "", status=302, headers={"Location": f"{elsewhere.address}/login"})
        assert run(source).outcome == Source.Outcome.FAILED
    assert Document.objects.filter(restricted=True).count() == 9
    assert "leads to 127.0.0.1" in SourceItem.objects.all()[0].error
    for path in paths:
        site.put(path, page(path))
    assert run(source).counts == {"seen": 9, "unchanged": 9}


@pytest.mark.parametrize("gone", [4, 3])
def test_more_than_half_of_a_source_and_more_than_a_few_wait_for_a_word(
    source: Source, top: Path, run: Run, gone: int
) -> None:
    for number in range(5):
        (top / f"{number}.md").write_text(f"text {number}")
    run(source)
    make_ready()
    for number in range(gone):
        (top / f"{number}.md").unlink()
    ended = run(source)
    assert ended.outcome == (Source.Outcome.HELD if gone == 4 else Source.Outcome.DONE)
    assert len(names(source.collection)) == (5 if gone == 4 else 2)
    run(source)
    assert len(names(source.collection)) == (5 if gone == 4 else 2)  # another run is no word
    accept_removals(source)
    run_source(source.pk)
    assert len(names(source.collection)) == 5 - gone


@pytest.fixture
def while_opening(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Somebody does something while a new version is on its way here."""

    def arrange(act: Callable[[], None]) -> None:
        opened = folder._open

        @contextmanager
        def slow(*given: Any) -> Iterator[Any]:
            with opened(*given) as content:
                act()
                yield content

        monkeypatch.setattr(folder, "_open", slow)

    return arrange


def test_a_move_made_while_a_new_version_is_fetched_counts_for_it(
    source: Source,
    top: Path,
    run: Run,
    boss: User,
    secret: Collection,
    salary: Document,
    while_opening: Callable[[Callable[[], None]], None],
) -> None:
    while_opening(lambda: move(salary, boss, secret))
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    make_ready()
    assert names(source.collection) == ["other.txt"]
    assert Document.objects.get(collection=secret).size == len("the boss earns 100")


def test_a_move_made_just_before_a_new_version_is_noted_counts_for_it(
    source: Source,
    top: Path,
    run: Run,
    boss: User,
    secret: Collection,
    salary: Document,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from retrieval.sources import sync

    store = sync._store

    def late(*given: Any, **named: Any) -> None:
        move(salary, boss, secret)
        store(*given, **named)

    monkeypatch.setattr(sync, "_store", late)
    (top / "salary.txt").write_text("the boss earns 100")
    run(source)
    assert names(source.collection) == ["other.txt"]


def test_a_move_that_the_new_version_cannot_follow_is_refused_as_a_whole(
    source: Source, top: Path, run: Run, boss: User, secret: Collection, salary: Document
) -> None:
    new = "the boss earns 100"
    there = receive_document(collection=secret, name="mine.txt", content=io.BytesIO(new.encode()), by=boss).document
    (top / "salary.txt").write_text(new)
    run(source)
    with pytest.raises(Invalid, match="already"):
        move(salary, boss, secret)
    salary.refresh_from_db()
    assert salary.collection == source.collection
    delete_document(document=there, by=boss)
    move(salary, boss, secret)
    make_ready()
    assert names(source.collection) == ["other.txt"]


def test_a_new_version_whose_bytes_are_there_already_leaves_one_document(
    source: Source, top: Path, run: Run, boss: User, secret: Collection, salary: Document
) -> None:
    new = "the boss earns 100"
    (top / "salary.txt").write_text(new)
    run(source)
    there = receive_document(collection=secret, name="mine.txt", content=io.BytesIO(new.encode()), by=boss).document
    Document.objects.filter(pk=salary.pk).update(collection=secret)  # as it was before such moves were refused
    make_ready()
    make_ready()
    assert names(source.collection) == ["other.txt"]
    assert list(Document.objects.filter(collection=secret)) == [there]
    assert SourceItem.objects.get(key="salary.txt").document == there


def test_what_somebody_put_in_by_hand_outlives_their_account_and_its_twin_at_the_source(
    source: Source, top: Path, run: Run
) -> None:
    leaver = User.objects.create_superuser("leaver")
    receive_document(collection=source.collection, name="mine.md", content=io.BytesIO(b"the same"), by=leaver)
    (top / "a.md").write_text("the same")
    run(source)
    leaver.delete()
    (top / "a.md").unlink()
    run(source)
    assert Document.objects.get().name == "mine.md"
