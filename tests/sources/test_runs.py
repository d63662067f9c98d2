from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from retrieval.leasing import LeaseLost
from retrieval.models import Collection, Document
from retrieval.sources import guarded_http, leases, sync, tasks
from retrieval.sources.errors import BadSourceSettings
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.retiring import remove_with_documents
from retrieval.sources.run import LISTING_S
from retrieval.sources.services import SourceBusy, ask_run, ask_stop, create_source, remove_source
from retrieval.sources.sync import run_source
from tests.sources.conftest import Run, make_ready, names


@pytest.fixture
def many(top: Path) -> None:
    for number in range(6):
        (top / f"{number}.md").write_text(f"text {number}")


def test_a_run_goes_on_in_slices_until_everything_is_taken(source: Source, many: None) -> None:
    ask_run(source)
    slices = 1
    while run_source(source.pk, slice_s=0) == "more":
        slices += 1
        assert slices < 20
    assert slices >= 6 and len(names(source.collection)) == 6
    source.refresh_from_db()
    assert source.outcome == Source.Outcome.DONE and source.run == 1


def test_a_worker_that_dies_after_storing_a_document_loses_and_doubles_nothing(
    source: Source, many: None, monkeypatch: pytest.MonkeyPatch, top: Path, run: Run
) -> None:
    def dies(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    ask_run(source)
    with monkeypatch.context() as patched:
        patched.setattr(sync, "_store", dies)
        with pytest.raises(KeyboardInterrupt):
            run_source(source.pk)
    assert Document.objects.count() == 1 and not SourceItem.objects.exists()
    assert run_source(source.pk) == "not ours"  # its lease still runs
    Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert run_source(source.pk) == "done"
    assert Document.objects.count() == 6
    make_ready()
    (top / "0.md").unlink()
    run(source)
    assert Document.objects.count() == 5  # the one that the dead worker stored is ours as well


def test_a_worker_that_was_thought_dead_changes_nothing(source: Source, many: None) -> None:
    ask_run(source)
    old = leases.claim(source.pk)
    Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert leases.claim(source.pk) is not None
    assert old is not None
    with pytest.raises(LeaseLost):
        leases.extend(old)


def test_stopping_keeps_what_was_taken_and_removes_nothing(
    source: Source, many: None, top: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(source)
    (top / "0.md").unlink()
    ask_run(source)
    ask_stop(source)
    assert run_source(source.pk) == "done"
    source.refresh_from_db()
    assert source.outcome == Source.Outcome.STOPPED and len(names(source.collection)) == 6


def test_schedules_begin_runs_and_set_the_next(collection: Collection, top: Path, settled: None, many: None) -> None:
    source = create_source(
        name="Share", collection=collection, kind="folder", settings={"path": str(top)}, every_minutes=30
    )
    tasks.sweep()
    source.refresh_from_db()
    assert source.state == Source.State.WAITING
    assert run_source(source.pk) == "done"
    source.refresh_from_db()
    assert source.due_at is not None
    assert timedelta(minutes=29) < source.due_at - timezone.now() < timedelta(minutes=31)
    tasks.sweep()
    source.refresh_from_db()
    assert source.state == Source.State.IDLE


def test_a_source_whose_worker_dies_each_time_is_given_up(source: Source, many: None) -> None:
    ask_run(source)
    for _ in range(leases.MOST_ATTEMPTS):
        assert leases.claim(source.pk) is not None
        Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    tasks.sweep()
    source.refresh_from_db()
    assert source.state == Source.State.IDLE and source.error_code == "gave_up"
    assert source.due_at is None  # it has no schedule


def test_the_schedule_of_a_source_that_is_given_up_goes_on(source: Source, many: None) -> None:
    ask_run(source)
    past = timezone.now() - timedelta(seconds=1)
    Source.objects.update(every_minutes=30, attempts=leases.MOST_ATTEMPTS, lease_until=past)
    tasks.sweep()
    source.refresh_from_db()
    assert source.error_code == "gave_up" and source.due_at is not None
    assert timedelta(minutes=29) < source.due_at - timezone.now() < timedelta(minutes=31)


def test_a_listing_in_which_nothing_is_asked_for_ends(
    collection: Collection, top: Path, run: Run, many: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.sources.run.LISTING_S", 0.0)
    settings = {"path": str(top), "endings": [".pdf"]}
    failed = run(create_source(name="Share", collection=collection, kind="folder", settings=settings))
    assert failed.outcome == Source.Outcome.FAILED and "too long" in failed.error


def test_removing_a_source_keeps_its_documents_unless_they_go_with_it(
    source: Source, many: None, run: Run, collection: Collection, top: Path
) -> None:
    run(source)
    remove_source(source, with_documents=False)
    assert Document.objects.count() == 6
    again = create_source(name="Share", collection=collection, kind="folder", settings={"path": str(top)})
    run(again)
    remove_source(again, with_documents=True)
    assert Document.objects.count() == 6  # a worker does it
    assert run_source(again.pk) == "done"
    assert not Source.objects.exists()
    assert Document.objects.count() == 0


def test_removing_documents_goes_on_after_a_break(source: Source, many: None, run: Run) -> None:
    run(source)
    remove_source(source, with_documents=True)
    lease = leases.claim(source.pk)
    assert lease is not None
    seen = 0

    def dies() -> None:
        nonlocal seen
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        remove_with_documents(lease, dies)
    assert Document.objects.count() == 3
    Source.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert run_source(source.pk) == "done"
    assert not Source.objects.exists() and not Document.objects.exists()


def test_removing_goes_on_in_slices(
    source: Source, many: None, run: Run, top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(source)
    monkeypatch.setattr("retrieval.sources.run.LISTING_S", 0.0)  # that is no listing
    remove_source(source, with_documents=True)
    slices = 1
    while run_source(source.pk, slice_s=0) == "more":
        slices += 1
        assert slices < 20
    assert slices >= 6 and not Source.objects.exists() and not Document.objects.exists()


def test_what_an_earlier_slice_has_costs_the_next_ones_nothing(
    source: Source, top: Path, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        (top / f"{number}.md").write_text(f"text {number}")
    ask_run(source)
    assert run_source(source.pk, slice_s=0) == "more"
    while SourceItem.objects.count() < 58:
        assert run_source(source.pk, slice_s=0) == "more"
    with django_assert_max_num_queries(55):
        run_source(source.pk, slice_s=0)
    while run_source(source.pk, slice_s=0) == "more":
        pass
    source.refresh_from_db()
    assert source.counts == {"seen": 60, "new": 60}


def test_a_source_that_is_being_read_is_not_removed(source: Source) -> None:
    ask_run(source)
    with pytest.raises(SourceBusy):
        remove_source(source, with_documents=False)


@pytest.mark.parametrize(
    ("kind", "given", "key"),
    [
        ("folder", {"path": "relative"}, ""),
        ("folder", {"path": "/srv", "colour": "red"}, ""),
        ("folder", {"path": ["/srv"]}, ""),
        ("telepathy", {}, ""),
        ("web", {}, ""),
        ("web", {"start": ["file:///etc/passwd"]}, ""),
        ("web", {"start": ["http://a.example/"], "within": ["http://a.example"]}, ""),
        ("web", {"start": ["http://user:word@a.example/"]}, ""),
        ("web", {"start": ["http://a.example/"], "depth": 11}, ""),
        ("git", {"url": "ssh://a.example/x"}, ""),
        ("s3", {"endpoint": "ftp://a.example", "bucket": "b"}, ""),
        ("s3", {"endpoint": "http://a:b", "bucket": "b"}, ""),
        ("s3", {"endpoint": "http://[::1", "bucket": "b"}, ""),
        ("s3", {"endpoint": "http://a.example", "bucket": "b", "prefix": "\ud800"}, ""),
        ("git", {"url": "http://[::1"}, ""),
        ("git", {"url": "https://a.example/x", "branch": "\x00"}, ""),
        ("folder", {"path": "/srv\x00"}, ""),
        ("web", {"start": ["http://[::1"]}, ""),
        ("web", {"start": ["http://a:99999/x"]}, ""),
        ("web", {"start": ["http://a.example/\x00"]}, ""),
        ("s3", {"endpoint": "https://a.example", "bucket": "b"}, "INFERENCE_API_KEY"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(collection: Collection, kind: str, given: Any, key: str) -> None:
    with pytest.raises(BadSourceSettings) as refused:
        create_source(name="Wrong", collection=collection, kind=kind, settings=given, key_name=key)
    assert refused.value.user_message and refused.value.advice
    assert not Source.objects.exists()


def test_a_listing_and_a_slice_after_it_end_before_the_worker_kills_their_task(settings: Any) -> None:
    assert LISTING_S + sync.SLICE_S + guarded_http.WHOLE_S < settings.CELERY_TASK_TIME_LIMIT
