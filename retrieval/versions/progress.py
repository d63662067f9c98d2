"""How far a version is, for the command, the pages and the figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from retrieval.models import Document
from retrieval.versions.held import live_services
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from retrieval.versions.promotion import waited_for

_Status = IndexVersion.Status
_LEAST_DOCUMENTS, _LEAST_S = 3, 5.0  # taken in, before an end is foretold


@dataclass(frozen=True, slots=True)
class Progress:
    version: IndexVersion
    documents: int  # taken in
    failed: int  # that it has to do without so far
    total: int  # ready documents
    rate: float  # documents a second, since the build began or went on after a pause
    seconds_left: float | None  # None: nothing is being taken in, or it cannot be said yet
    waits_for: tuple[str, ...] = ()  # index services that do not hold it yet

    def as_json(self) -> dict[str, Any]:
        version = self.version
        return {
            "version": version.pk,
            "status": version.status,
            "embedding_model": version.embedding_model,
            "kind": version.kind,
            "documents": self.documents,
            "failed": self.failed,
            "total": self.total,
            "rate": round(self.rate, 2),
            "seconds_left": None if self.seconds_left is None else round(self.seconds_left),
            "waits_for": list(self.waits_for),
            "error": version.error,
            "note": version.note,
            "promote": version.promote,
            "created_at": version.created_at.isoformat(),
            "served_at": version.served_at and version.served_at.isoformat(),
            "report": version.report,
        }


def progress_of(version: IndexVersion) -> Progress:
    places = IndexedDocument.objects.filter(version=version)
    failed = places.exclude(error="").count()
    done = places.filter(error="").count()
    total = Document.objects.filter(status=Document.Status.READY).count()
    building = version.status == _Status.BUILDING
    rate = _rate(version, done) if building else 0.0
    left = _seconds_left(version, rate, done) if building else None
    waits = waited_for(version) if version.status == _Status.READY and version.promote else []
    return Progress(
        version,
        done,
        failed,
        total,
        rate,
        left,
        tuple(_named(one, version) for one in waits),
    )


def newest(number: int = 20) -> list[Progress]:
    """The newest versions, the serving one among them however old it is."""
    rows = list(IndexVersion.objects.order_by("-pk")[:number])
    serving = IndexVersion.objects.filter(status=_Status.SERVING).first()
    if serving is not None and serving not in rows:
        rows.append(serving)
    return [progress_of(version) for version in rows]


def in_the_works() -> list[Progress]:
    return [progress_of(version) for version in IndexVersion.objects.filter(status__in=IndexVersion.IN_WORK)[:5]]


def services_json() -> list[dict[str, Any]]:
    """The index services that live, and what each holds."""
    return [
        {
            "service": one.name,
            "serving": one.serving or 0,
            "holds": {key: one.holds[key] for key in sorted(one.holds)},
            "problem": one.problem,
        }
        for one in live_services()
    ]


def in_words(progress: Progress) -> str:
    version, status = progress.version, progress.version.status
    words = f"{status}, {progress.documents} of {progress.total} documents"
    if status == _Status.RETIRED:
        return "retired, its vectors were deleted" if version.cleared_at else "retired, can be gone back to"
    if status == _Status.CANCELLED:
        return str(status)
    if progress.failed:
        words += f", {progress.failed} failed"
    if status == _Status.BUILDING and progress.rate:
        words += f", {progress.rate:.1f} a second"
    if progress.seconds_left:
        words += f", about {progress.seconds_left:.0f} s left"
    if progress.waits_for:
        words += f", waits for {'; '.join(progress.waits_for)}"
    if status == _Status.READY and version.promote:
        words += ", about to serve"
    return words


def _rate(version: IndexVersion, done: int) -> float:
    if version.began_at is None:
        return 0.0
    seconds = max((timezone.now() - version.began_at).total_seconds(), 0.1)
    return max(done - version.began_with, 0) / seconds


def _seconds_left(version: IndexVersion, rate: float, done: int) -> float | None:
    """By passages, as documents are of many sizes; None before enough is known."""
    since_began = done - version.began_with
    if not rate or since_began < _LEAST_DOCUMENTS or since_began / rate < _LEAST_S:
        return None
    taken = IndexedDocument.objects.filter(version=version).values("document")
    ready = Document.objects.filter(status=Document.Status.READY)
    left = ready.exclude(pk__in=taken).aggregate(n=Sum("passage_count"))["n"] or 0
    made = IndexedDocument.objects.filter(version=version, error="").aggregate(n=Sum("passages"))["n"] or 0
    return left / (rate * made / done) if made else None


def _named(service: IndexServiceState, version: IndexVersion) -> str:
    loaded = service.loading.get(str(version.pk))
    said = [f"{loaded:,} passages loaded" if loaded is not None else "", service.problem]
    return ": ".join(filter(None, [service.name, ", ".join(filter(None, said))]))
