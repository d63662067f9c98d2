"""What was said above a question, and what all of it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, Func, JSONField

from chatapp.conversations.models import Message

UNKNOWN = UUID(int=0)  # among documents: what an answer rests on cannot be told any more
_SHOWN = 12  # messages that a model is shown


@dataclass(frozen=True, slots=True)
class Branch:
    """`documents` and `collections` lie behind the whole branch: later answers may repeat what earlier ones said."""

    messages: tuple[Message, ...] = ()  # the latest, oldest first
    documents: frozenset[UUID] = frozenset()
    collections: frozenset[UUID] = frozenset()  # that questions were asked of, where the asker chose


def branch_above(question: Message, *, answered_before: bool) -> Branch:
    """`answered_before`: the question may have other answers, which say what it was asked of as well."""
    if question.parent_id is None and not answered_before:
        return Branch()
    above = _ids_above(question)
    there = Message.objects.exclude(text="").in_bulk(above[-_SHOWN:])
    documents, collections = _behind([*above, question.pk])
    return Branch(tuple(there[pk] for pk in above[-_SHOWN:] if pk in there), documents, collections)


def _ids_above(question: Message) -> list[UUID]:
    """Oldest first."""
    if question.parent_id is None:
        return []
    parents = dict(question.conversation.messages.exclude(pk=question.pk).values_list("pk", "parent_id"))
    above: list[UUID] = []
    at: UUID | None = question.parent_id
    while at is not None:
        above.append(at)
        at = parents.get(at)
    return above[::-1]


def _behind(branch: list[UUID]) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """-> the documents shown to any answer of these questions, and the collections chosen for it."""
    of_plain_rows = Func(  # of earlier versions, until they are sealed
        F("sources"),
        function="jsonb_path_query_array",
        template="%(function)s(%(expressions)s, '$[*].document.id')",
        output_field=JSONField(),
    )
    answers = Message.objects.filter(parent__in=branch, role=Message.Role.ASSISTANT)
    rows = list(answers.values_list("documents", of_plain_rows, "turns__collections"))
    documents = {one for found, _, _ in rows for one in found or ()} | {UUID(one) for _, old, _ in rows for one in old}
    return frozenset(documents), frozenset(UUID(one) for _, _, chosen in rows for one in chosen or ())
