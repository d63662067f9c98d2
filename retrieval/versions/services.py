"""What administrators do with versions. Builders do the work; these change what is asked of them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from retrieval.index.vectors.kinds import check_asked
from retrieval.versions.current import lock_versions, notify, serving_for_writing
from retrieval.versions.errors import NoSuchVersion, NotInThisState, VersionInTheWorks
from retrieval.versions.models import IndexedDocument, IndexVersion

_Status = IndexVersion.Status


def request_version(
    *,
    model: str = "",
    kind: str = "",
    promote: bool = True,
    gate: str = "",
    note: str = "",
    without_failed: bool = False,
    by: Any = None,
) -> IndexVersion:
    """Build a version beside the serving one; what is not named stays as it serves. Raises VersionInTheWorks,
    IndexKindMissing."""
    check_asked(kind, milvus=bool(settings.RETRIEVAL.milvus_url))
    with transaction.atomic():
        lock_versions()
        now = serving_for_writing()
        if IndexVersion.objects.filter(status__in=[_Status.BUILDING, _Status.CHECKING]).exists() or _promoting():
            raise VersionInTheWorks
        version = IndexVersion.objects.create(
            embedding_model=model or now.embedding_model,
            kind=kind or now.kind,
            promote=promote,
            gate=gate,
            accept_failures=without_failed,
            note=note[:300],
            requested_by=by if by is not None and by.pk else None,
            queued_at=timezone.now(),
        )
        _wake_after_commit(version)
    return version


def _promoting() -> bool:
    return IndexVersion.objects.filter(status=_Status.READY, promote=True).exists()


def promote_version(number: int, *, without_failed: bool = False, now: bool = False) -> IndexVersion:
    """Put it in service as soon as it is complete and every index service holds it. `now`, for one that served before:
    what is newer than that is taken in afterwards.
    """
    with transaction.atomic():
        lock_versions()  # what is being cleared away is not in the works at the same time
        version = _locked(number)
        if version.status == _Status.RETIRED:
            return _bring_back(version, now=now, without_failed=without_failed)
        if version.status not in IndexVersion.IN_WORK:
            raise NotInThisState
        if now:
            raise NotInThisState(
                "Only a version that served before can be put in service at once.", advice="Promote it without that."
            )
        _change(version, promote=True, accept_failures=without_failed or version.accept_failures, catch_up=True)
    return version


def roll_back(*, now: bool = False, without_failed: bool = False) -> IndexVersion:
    """Back to the version that served before. It takes in what it lacks first, or afterwards when it is to be `now`."""
    with transaction.atomic():
        lock_versions()
        retired = IndexVersion.objects.select_for_update().filter(status=_Status.RETIRED, cleared_at=None)
        version = retired.order_by("-ended_at").first()
        if version is None:
            raise NoSuchVersion("There is no earlier version to go back to.", advice="None is kept any more.")
        return _bring_back(version, now=now, without_failed=without_failed)


def _bring_back(version: IndexVersion, *, now: bool, without_failed: bool) -> IndexVersion:
    if version.cleared_at is not None:
        raise NotInThisState("Its vectors were deleted.", advice="Build one like it.")
    if _promoting():
        raise VersionInTheWorks("Another version is about to serve.")
    accepts = now or without_failed
    _change(version, status=_Status.READY, promote=True, catch_up=not now, accept_failures=accepts, ended_at=None)
    return version


def cancel_version(number: int) -> IndexVersion:
    """One that does not serve yet; its builder notices within moments. One that served before is kept as it was."""
    with transaction.atomic():
        version = _locked(number)
        if version.status not in IndexVersion.IN_WORK:
            raise NotInThisState
        ended = _Status.RETIRED if version.served_at else _Status.CANCELLED
        _change(version, status=ended, promote=False, lease_token=None, lease_until=None, ended_at=timezone.now())
    return version


def retry_version(number: int) -> IndexVersion:
    """What failed in it, again: the whole build, or the documents that it had to do without."""
    with transaction.atomic():
        lock_versions()
        version = _locked(number)
        IndexedDocument.objects.filter(version=version).exclude(error="").delete()
        match version.status:
            case _Status.FAILED if version.cleared_at is None:
                _change(version, status=_Status.BUILDING, ended_at=None, report={})
            case _Status.READY:
                _change(version, status=_Status.BUILDING)
            case _Status.SERVING:
                _change(version, catch_up=True)
            case _Status.BUILDING | _Status.CHECKING:
                _change(version)
            case _:
                raise NotInThisState
    return version


def _locked(number: int) -> IndexVersion:
    version = IndexVersion.objects.select_for_update().filter(pk=number).first()
    if version is None:
        raise NoSuchVersion
    return version


def _change(version: IndexVersion, **values: Any) -> None:
    fresh = {"error": "", "error_code": "", "attempts": 0, "waits_since": None, "queued_at": Now()}
    IndexVersion.objects.filter(pk=version.pk).update(**{**fresh, **values})
    version.refresh_from_db()
    notify()
    _wake_after_commit(version)


def _wake_after_commit(version: IndexVersion) -> None:
    from retrieval.versions import tasks

    transaction.on_commit(lambda: tasks.publish(version.pk))
