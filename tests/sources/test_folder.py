from __future__ import annotations

import dataclasses
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import receive_document
from retrieval.sources.connector import Surroundings
from retrieval.sources.connectors.folder import FolderConnector
from retrieval.sources.errors import BadSourceSettings
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.retiring import settle
from retrieval.sources.services import accept_removals, checked, create_source
from retrieval.sources.sync import run_source
from tests.sources.conftest import Run, make_ready, names


def put(top: Path, name: str, text: str) -> None:
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_only_what_is_new_or_has_changed_is_read_again(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    put(top, "deep/b.md", "second")
    assert run(source).counts == {"seen": 2, "new": 2}
    make_ready()
    assert run(source).counts == {"seen": 2, "unchanged": 2}
    put(top, "a.md", "first, mended")
    put(top, "c.md", "third")
    assert run(source).counts == {"seen": 3, "changed": 1, "unchanged": 1, "new": 1}
    # The old one answers until the new one is ready.
    assert names(source.collection) == ["a.md", "a.md", "c.md", "deep/b.md"]
    make_ready()
    assert names(source.collection) == ["a.md", "c.md", "deep/b.md"]
    assert Document.objects.get(path="a.md").size == len("first, mended")


def test_an_old_version_stays_when_the_new_one_cannot_be_read(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    run(source)
    make_ready()
    put(top, "a.md", "broken")
    run(source)
    old, new = Document.objects.order_by("created_at")
    Document.objects.filter(pk=new.pk).update(status="failed", error="It is damaged.", error_code="corrupt")
    settle()
    item = SourceItem.objects.get()
    assert item.document_id == old.pk and item.error == "It is damaged."


def test_what_vanished_at_the_source_is_retired(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    put(top, "b.md", "second")
    run(source)
    make_ready()
    (top / "a.md").unlink()
    assert run(source).counts == {"seen": 1, "unchanged": 1, "removed": 1}
    assert names(source.collection) == ["b.md"]
    assert list(SourceItem.objects.values_list("key", flat=True)) == ["b.md"]


def test_a_document_that_somebody_also_uploaded_is_not_retired(
    source: Source, top: Path, run: Run, admin_user: object, collection: Collection
) -> None:
    receive_document(collection=collection, name="mine.md", content=BytesIO(b"the same"), by=admin_user)
    put(top, "a.md", "the same")
    run(source)
    (top / "a.md").unlink()
    run(source)
    assert Document.objects.get().name == "mine.md"


def test_a_share_that_lost_most_of_its_files_waits_for_a_word(source: Source, top: Path, run: Run) -> None:
    for number in range(12):
        put(top, f"{number}.md", f"text {number}")
    run(source)
    make_ready()
    for number in range(11):
        (top / f"{number}.md").unlink()
    held = run(source)
    assert held.outcome == Source.Outcome.HELD and "11 documents" in held.error
    assert len(names(source.collection)) == 12
    assert accept_removals(source)
    assert run_source(source.pk) == "done"
    assert names(source.collection) == ["11.md"]


def test_a_folder_that_is_not_mounted_removes_nothing(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    run(source)
    top.rename(top.with_name("away"))
    failed = run(source)
    assert failed.outcome == Source.Outcome.FAILED and failed.error_code == "source_unreachable"
    assert names(source.collection) == ["a.md"]


def test_links_out_of_the_folder_and_hidden_files_are_not_read(source: Source, top: Path, run: Run) -> None:
    (top.parent / "secret.md").write_text("not yours")
    (top / "link.md").symlink_to(top.parent / "secret.md")
    (top / "inside").symlink_to(top.parent)
    put(top, ".hidden.md", "hidden")
    os.mkfifo(top / "pipe.md")
    assert run(source).counts == {}
    assert names(source.collection) == []


def test_a_folder_that_the_operator_did_not_name_is_refused(collection: Collection, run: Run) -> None:
    source = create_source(name="System", collection=collection, kind="folder", settings={"path": "/etc"})
    refused = run(source)
    assert refused.error_code == "bad_source_settings" and "RETRIEVAL_SOURCE_FOLDERS" in refused.error
    assert names(collection) == []


def test_a_folder_that_sources_may_read_goes_by_its_name(
    collection: Collection, top: Path, run: Run, settings: Any
) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, source_folders=(top,))
    put(top, "a.md", "A page.")
    assert checked("folder", {"path": top.name}, "", None)["path"] == str(top)
    with pytest.raises(BadSourceSettings, match="absolute path, or the name of a folder"):
        checked("folder", {"path": "elsewhere"}, "", None)


def test_a_file_that_is_still_written_waits_for_the_next_run(collection: Collection, top: Path, run: Run) -> None:
    source = create_source(name="Share", collection=collection, kind="folder", settings={"path": str(top)})
    put(top, "a.md", "half of")
    assert run(source).counts == {}
    os.utime(top / "a.md", (1_700_000_000, 1_700_000_000))
    assert run(source).counts == {"seen": 1, "new": 1}
    assert Document.objects.get().dated_at.year == 2023  # type: ignore[union-attr]


def test_only_files_with_the_endings_asked_for_are_taken(
    collection: Collection, top: Path, run: Run, settled: None
) -> None:
    put(top, "a.md", "first")
    put(top, "a.log", "second")
    settings = {"path": str(top), "endings": [".MD"]}
    run(create_source(name="Share", collection=collection, kind="folder", settings=settings))
    assert names(collection) == ["a.md"]


def test_a_folder_that_is_swapped_for_a_link_while_it_is_read_leads_nowhere(top: Path, settled: None) -> None:
    put(top, "deep/a.md", "ours")
    put(top.parent / "private", "a.md", "not yours")

    def swap() -> None:
        if not (top / "deep").is_symlink():
            (top / "deep").rename(top / "old")
            (top / "deep").symlink_to(top.parent / "private")

    around = Surroundings(top, (top,), (), "", 1000, 1000, alive=swap, earlier=lambda key: None)
    connector = FolderConnector({"path": str(top), "endings": []}, around)
    read = [(item.key, content.read()) for item in connector.items() for content in [item.open().__enter__()]]
    assert read == [("deep/a.md", b"ours")]


def test_what_was_changed_and_changed_back_is_as_it_was(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    run(source)
    make_ready()
    put(top, "a.md", "second, longer")
    run(source)
    put(top, "a.md", "first")
    os.utime(top / "a.md", (1_700_000_000, 1_700_000_000))
    run(source)
    make_ready()
    assert [document.size for document in Document.objects.all()] == [5]


def test_what_changes_twice_before_it_is_ready_leaves_one_document(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    run(source)
    make_ready()
    for text in ("second", "the third one"):
        put(top, "a.md", text)
        run(source)
    make_ready()
    assert [document.size for document in Document.objects.all()] == [len("the third one")]


def test_equal_files_go_when_the_last_of_them_vanishes(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "the same")
    put(top, "b.md", "the same")
    run(source)
    make_ready()
    (top / "a.md").unlink()
    run(source)
    assert Document.objects.count() == 1
    (top / "b.md").unlink()
    run(source)
    assert not Document.objects.exists()


def test_what_somebody_uploads_after_the_source_brought_it_outlives_the_source(
    source: Source, top: Path, run: Run, admin_user: object, collection: Collection
) -> None:
    put(top, "a.md", "the same")
    run(source)
    receive_document(collection=collection, name="mine.md", content=BytesIO(b"the same"), by=admin_user)
    (top / "a.md").unlink()
    run(source)
    assert Document.objects.count() == 1


def test_many_failures_do_not_keep_new_versions_out(source: Source, top: Path, run: Run) -> None:
    for name in ("a.md", "b.md", "c.md", "d.md"):
        put(top, name, f"first of {name}")
    run(source)
    make_ready()
    for name in ("a.md", "b.md", "c.md", "d.md"):
        put(top, name, f"the second of {name}")
    run(source)
    new = Document.objects.exclude(status="ready")
    ready = new.get(path="d.md")
    new.exclude(pk=ready.pk).update(status="failed", error="It is damaged.", error_code="corrupt")
    Document.objects.filter(pk=ready.pk).update(status="ready", ready_at=timezone.now())
    assert settle(most=2) == 1
    assert Document.objects.filter(path="d.md").count() == 1


def test_folders_that_lie_too_deep_are_named_and_the_others_read(source: Source, top: Path, run: Run) -> None:
    put(top, "a.md", "first")
    put(top, "/".join("d" * 150) + "/b.md", "second")
    assert run(source).counts == {"seen": 2, "new": 1, "failed": 1}
    assert names(source.collection) == ["a.md"]
    assert "depth of 100" in SourceItem.objects.exclude(error="").get().error
