"""Question sets are kept as versions that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from retrieval.evaluation.errors import BadQuestionSet, UnknownEvaluation
from retrieval.evaluation.models import Question, QuestionSet, QuestionSetVersion
from retrieval.evaluation.rows import MOST_ROWS, Row, Target, digest, target_fields
from retrieval.stored_text import storable
from retrieval.tenants import HOUSE


@dataclass(frozen=True, slots=True)
class Frozen:
    version: QuestionSetVersion
    new: bool  # False: there was a version with the same questions


@transaction.atomic
def freeze(name: str, rows: Sequence[Row], *, by: Any = None, origin: str = "") -> Frozen:
    """Keep the rows as a version of the set, which is made where it is missing. Whoever has questions calls this:
    an import, and what people said of answers. Raises BadQuestionSet.
    """
    name = " ".join(storable(name).split())
    if not name or len(name) > 120 or "@" in name:
        raise BadQuestionSet("The name of a question set has 1 to 120 characters, without @.")
    if not 1 <= len(rows) <= MOST_ROWS:
        raise BadQuestionSet(f"A question set has 1 to {MOST_ROWS} questions.")
    own: dict[str, Any] = {"name": name, "tenant": getattr(by, "tenant", HOUSE)}
    QuestionSet.objects.get_or_create(**own)
    kept = QuestionSet.objects.select_for_update().get(**own)
    sha256 = digest(rows)
    same = kept.versions.filter(sha256=sha256).first()
    if same is not None:
        return Frozen(same, new=False)
    newest = kept.versions.order_by("-number").values_list("number", flat=True).first() or 0
    version = QuestionSetVersion.objects.create(
        question_set=kept,
        number=newest + 1,
        sha256=sha256,
        questions=len(rows),
        origin=storable(origin, 300),
        created_by=by,
    )
    Question.objects.bulk_create(
        [_question(version, number, row) for number, row in enumerate(rows, 1)], batch_size=1000
    )
    return Frozen(version, new=True)


def find(name: str, tenant: UUID = HOUSE) -> QuestionSetVersion:
    """`name` is the newest version of a set, `name@2` the second. Each tenant has names of its own. Raises
    UnknownEvaluation."""
    title, at, number = name.rpartition("@")
    versions = QuestionSetVersion.objects.filter(question_set__name=title if at else name, question_set__tenant=tenant)
    if at:
        versions = versions.filter(number=int(number)) if number.isascii() and number.isdigit() else versions.none()
    found = versions.select_related("question_set").order_by("-number").first()
    if found is None:
        raise UnknownEvaluation(f"There is no question set {name!r}.")
    return found


def rows_of(version: QuestionSetVersion) -> list[Row]:
    """As they were frozen. Raises BadQuestionSet when they are not what they were."""
    rows = [row_of_question(one) for one in version.rows.order_by("number")]
    if digest(rows) != version.sha256:
        raise BadQuestionSet(f"The questions of {version} are not those that were frozen.", advice="Import them again.")
    return rows


def row_of_question(question: Question) -> Row:
    targets = tuple(Target(**one) for one in question.targets)
    return Row(question.text, targets, question.answer, tuple(question.tags), question.language)


def _question(version: QuestionSetVersion, number: int, row: Row) -> Question:
    return Question(
        version=version,
        number=number,
        text=row.question,
        targets=[target_fields(one) for one in row.targets],
        answer=row.answer,
        tags=list(row.tags),
        language=row.language,
    )
