"""One turn of a builder with one version: it goes on where the last turn ended, however that ended."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.models.functions import Now
from django.utils import timezone

from retrieval.errors import AnotherEmbeddingModel, IndexUnavailable, RetrievalError
from retrieval.leasing import LeaseLost
from retrieval.outages import outage_behind
from retrieval.service.client import IndexClient
from retrieval.versions import checks, leases, promotion, structures
from retrieval.versions.current import notify, serving
from retrieval.versions.leases import BuildLease
from retrieval.versions.models import IndexedDocument, IndexVersion
from retrieval.versions.taking_in import TakingIn

log = structlog.get_logger(__name__)

TURN_S = 50.0
PAUSE_S = 3.0  # when the index service is away
ERROR_PAUSE_S = 10.0
MOST_REPAIRS = 3
_PAUSED = timedelta(seconds=60)  # nothing moved for so long: a rate that counts it says nothing
_JUDGED = "judged_with"  # in the report, while it waits to be judged: what was counted and built
_Status = IndexVersion.Status


def take_turn(version_id: int) -> bool:
    """-> whether more is owed at once. The outermost loop of this work: whatever happens, the lease is given back."""
    lease = leases.claim(version_id)
    if lease is None:
        return False
    structlog.contextvars.bind_contextvars(version=version_id)
    more = False
    try:
        with leases.heart_beat(lease):
            more = _turn(lease, time.monotonic() + TURN_S)
        _give_back(lease, 0.0 if more else 0.5)
    except LeaseLost:
        log.info("build.lost")
    except IndexUnavailable as error:
        log.warning("index.unavailable", reason=str(error))
        _give_back(lease, PAUSE_S, waits=error)
    except Exception as error:
        outage = outage_behind(error)
        log.exception("build.turn_failed", outage=outage.code if outage else "")
        _give_back(lease, ERROR_PAUSE_S, broken=None if outage else error)
    finally:
        structlog.contextvars.unbind_contextvars("version")
    return more


def _give_back(
    lease: BuildLease, pause_s: float, *, waits: RetrievalError | None = None, broken: Exception | None = None
) -> None:
    """`waits`: why it has to; `broken`: by what no outage explains, which counts. Never raises for the database."""
    connection.close_if_unusable_or_obsolete()
    try:
        if waits is not None:
            _say(lease, waits)
        if broken is not None:
            _give_up_if_hopeless(lease, broken)
        leases.release(lease, pause_s=pause_s, burn_attempt=broken is not None)
    except LeaseLost:
        log.info("build.lost")
    except DatabaseError as error:  # the lease ends by itself
        log.warning("build.not_given_back", reason=str(error))


def _turn(lease: BuildLease, until: float) -> bool:
    """-> whether it stopped because time was up"""
    client = IndexClient(settings.RETRIEVAL)
    try:
        while time.monotonic() < until:
            version = leases.held(lease)
            match version.status:
                case _Status.BUILDING:
                    if not _build(version, lease, client, until):
                        return True
                case _Status.CHECKING:
                    _check(version, lease)
                case _Status.READY if version.promote:
                    if not _promote(version, lease, client, until):
                        return False
                case _Status.SERVING if version.catch_up:
                    if not TakingIn(version, lease, client, until).all():
                        return True
                    promotion.correct_counts(version)
                    _set(lease, catch_up=False)
                case _:
                    return False
        return True
    finally:
        client.close()


def _build(version: IndexVersion, lease: BuildLease, client: IndexClient, until: float) -> bool:
    if version.dimension is None and not _try_model(version, lease, client):
        return True
    _begin(version, lease)
    version.refresh_from_db()
    if not TakingIn(version, lease, client, until).all():
        return False
    _set(lease, status=_Status.CHECKING)
    notify()
    return True


def _begin(version: IndexVersion, lease: BuildLease) -> None:
    """At the first turn, and at one after a pause: from here on its rate is counted."""
    now = timezone.now()
    if version.began_at is None or version.moved_at is None or now - version.moved_at > _PAUSED:
        done = IndexedDocument.objects.filter(version=version, error="").count()
        _set(lease, began_at=now, began_with=done)


def _try_model(version: IndexVersion, lease: BuildLease, client: IndexClient) -> bool:
    """Learns the dimension. A model that the index service does not have ends the version with a clear word."""
    try:
        vectors = client.embed(["dimension"], bulk=True, of_model=version.embedding_model)
    except AnotherEmbeddingModel as error:
        _fail(lease, error)
        return False
    _set(lease, dimension=int(vectors.shape[1]))
    return True


def _check(version: IndexVersion, lease: BuildLease) -> None:
    with leases.working(lease):
        report = _counted_and_built(version, lease)
        if report is None:
            return
        judged = checks.judged(version, serving().id or 0)
    report = {key: value for key, value in report.items() if key != _JUDGED} | judged.report
    if judged.problem:
        _set(lease, report=report)
        _fail(lease, RetrievalError(judged.problem, advice="Its report says more."))
        return
    _set(lease, status=_Status.READY, report=report)
    notify()


def _counted_and_built(version: IndexVersion, lease: BuildLease) -> dict[str, Any] | None:
    """-> its report so far, which is kept while the question set waits for a service; None: it is not to serve yet"""
    totals = checks.totals(version)
    if version.report.get(_JUDGED) == totals:
        return version.report
    found = checks.counted(version)
    if found.incomplete:
        repairs = int(version.report.get("repairs", 0)) + 1
        if repairs > MOST_REPAIRS:
            _fail(lease, RetrievalError("Passages or vectors of it go missing again and again."))
            return None
        checks.drop(version, found.incomplete)
        _set(lease, status=_Status.BUILDING, report={**version.report, "repairs": repairs})
        return None
    report = {**version.report, **found.report, "checked_at": timezone.now().isoformat()}
    report["index"] = structures.build(version, int(report["passages"]), lease)
    if report["index"].get("recall", 1.0) < structures.LEAST_RECALL:
        _set(lease, report=report)
        _fail(lease, RetrievalError("Its index finds too little of what exact search finds.", advice="Choose flat."))
        return None
    if version.gate:
        report[_JUDGED] = totals
        _set(lease, report=report)
    return report


def _promote(version: IndexVersion, lease: BuildLease, client: IndexClient, until: float) -> bool:
    """-> whether it serves now, or will not"""
    if version.catch_up and not TakingIn(version, lease, client, until).all():
        return True
    try:
        served = promotion.try_to_promote(lease)
    except RetrievalError as error:
        if isinstance(error, IndexUnavailable):
            raise
        log.warning("version.not_promoted", reason=error.user_message)
        _set(lease, promote=False, waits_since=None, error=error.sentence[:500], error_code=error.code)
        notify()
        return True
    if not served:
        time.sleep(0.2)
        return time.monotonic() < until
    return True


def _say(lease: BuildLease, error: RetrievalError) -> None:
    """Why it waits."""
    lease.rows.update(error=error.sentence[:500], error_code=error.code)


def _give_up_if_hopeless(lease: BuildLease, error: Exception) -> None:
    """Raises LeaseLost."""
    if leases.held(lease).attempts >= leases.MAX_ATTEMPTS:
        _fail(lease, RetrievalError("Building it failed again and again.", detail=str(error)))


def _fail(lease: BuildLease, error: RetrievalError) -> None:
    log.error("version.failed", reason=error.user_message)
    _set(lease, status=_Status.FAILED, ended_at=timezone.now(), error=error.sentence[:500], error_code=error.code)
    notify()


def _set(lease: BuildLease, **values: Any) -> None:
    """Raises LeaseLost."""
    if not lease.rows.update(moved_at=Now(), **values):
        raise LeaseLost
