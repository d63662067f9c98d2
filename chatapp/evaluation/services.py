"""What people do with question sets and runs: each with its line in the audit trail. For those who look after the
organisation whose questions they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from chatapp import access
from chatapp.access import require_administrator
from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.governance.services import record
from chatapp.organisations.models import Organisation
from retrieval.evaluation import formats, gating, running, sets, tasks
from retrieval.evaluation.errors import BadQuestionSet, RunRefused, UnknownEvaluation
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion
from retrieval.models import Collection
from retrieval.versions.gate import Verdict

MOST_VERSIONS = 200  # of an organisation that organisers may make
MOST_OPEN = 3  # runs that organisers may have under way
_BEGINNING = re.compile("[0-9a-f]{4,32}")  # of an id, its hyphens left out


@transaction.atomic
def import_questions(*, name: str, content: bytes, file_name: str, by: User) -> sets.Frozen:
    """Of the organisation of whoever imports. Raises BadQuestionSet."""
    _require(by, by.tenant)
    rows = formats.read(content, file_name)
    _lock(by.tenant)
    frozen = sets.freeze(name, rows, by=by, origin=file_name)
    if frozen.new:
        _require_room(by)
        kept = frozen.version
        facts: dict[str, Any] = {"questions": kept.questions, "sha256": kept.sha256, "file": file_name}
        record("questions imported", str(frozen.version), by, organisation=by.tenant, **facts)
    return frozen


@transaction.atomic
def remove_version(version: QuestionSetVersion, *, by: User) -> None:
    """With the runs that asked it. Raises NotFound, RunRefused."""
    tenant = version.question_set.tenant
    _require(by, tenant)
    _lock(tenant)
    if version.runs.filter(state__in=EvaluationRun.OPEN).exists():
        raise RunRefused("A run asks these questions now.", advice="Cancel it, or wait until it ends.")
    facts: dict[str, Any] = {"questions": version.questions, "sha256": version.sha256, "runs": version.runs.count()}
    record("questions removed", str(version), by, organisation=tenant, **facts)
    version.delete()


@transaction.atomic
def start_run(
    version: QuestionSetVersion,
    *,
    by: User,
    index_version: int | None = None,
    person: User | None = None,
    collections: Sequence[Collection] = (),
    k: int = 50,
    send: bool = True,
) -> EvaluationRun:
    """With `send`, a worker takes it. Which index version is asked is for those who run Footnote to say: another one
    needs memory. Raises RunRefused."""
    tenant = version.question_set.tenant
    _require(by, tenant)
    if index_version is not None:
        require_administrator(by)
    _lock(tenant)
    if not by.is_superuser and runs_of(by).filter(state__in=EvaluationRun.OPEN).count() >= MOST_OPEN:
        raise RunRefused(f"{MOST_OPEN} runs are under way or wait.", advice="Wait until one ends, or cancel one.")
    searched_by = person.tenant if person else tenant
    if searched_by != tenant or any(one.tenant != tenant for one in collections):
        raise RunRefused("These questions are of another organisation.", advice="Choose what is of theirs.")
    run = running.start(version, index_version=index_version, person=person, collections=collections, k=k, by=by)
    searched = [one.name for one in collections] or "all"
    asked_as = person or "an administrator"
    facts: dict[str, Any] = {"run": str(run.pk), "asked_as": asked_as, "collections": searched, "k": k}
    record("evaluation started", str(run), by, organisation=tenant, **facts)
    if send:
        transaction.on_commit(lambda: tasks.publish(run.pk))
    return run


@transaction.atomic
def cancel_run(run: EvaluationRun, *, by: User) -> None:
    tenant = run.version.question_set.tenant
    _require(by, tenant)
    if running.cancel(run):
        record("evaluation cancelled", str(run), by, organisation=tenant, run=str(run.pk))


def judge_version(version: QuestionSetVersion, *, candidate: int, baseline: int, tolerance: float, by: User) -> Verdict:
    """Raises RunRefused, IndexUnavailable."""
    require_administrator(by)
    verdict = gating.gate(version, candidate, baseline, tolerance=tolerance, by=by)
    facts: dict[str, Any] = {"candidate": candidate, "baseline": baseline, "tolerance": tolerance}
    record("index version judged", str(version), by, **facts, passed=verdict.passed, summary=verdict.summary)
    return verdict


def runs_of(user: User) -> QuerySet[EvaluationRun]:
    """Over questions of organisations that this person looks after."""
    theirs = access.administered(user).values("pk")
    return EvaluationRun.objects.filter(version__question_set__tenant__in=theirs)


def find_run(pk: str, user: User) -> EvaluationRun:
    """By its id or the beginning of it, of those of `runs_of`. Raises UnknownEvaluation."""
    digits = pk.lower().replace("-", "")
    found: list[EvaluationRun] = []
    if _BEGINNING.fullmatch(digits):
        runs = runs_of(user).select_related("version__question_set", "person")
        first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
        found = list(runs.filter(pk__range=(first, last))[:2])
    if len(found) != 1:
        raise UnknownEvaluation(f"There is no run {pk!r}." if not found else f"Several runs begin with {pk!r}.")
    return found[0]


def _require(user: User, tenant: UUID) -> None:
    """Raises NotFound."""
    if not access.administers(user, tenant):
        raise NotFound


def _lock(tenant: UUID) -> None:
    """So that two requests cannot pass a bound together, nor a run begin over questions that are being removed."""
    Organisation.objects.select_for_update(no_key=True).filter(pk=tenant).first()


def _require_room(by: User) -> None:
    """For the version that was kept a moment ago. Raises BadQuestionSet."""
    kept = QuestionSetVersion.objects.filter(question_set__tenant=by.tenant).count()
    if not by.is_superuser and kept > MOST_VERSIONS:
        raise BadQuestionSet(
            f"An organisation keeps {MOST_VERSIONS} versions of question sets.",
            advice="Remove one that is no longer used, on its page.",
        )
