"""The rules about content where documents are taken in: nothing is stored of one that they refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from uuid import UUID

import structlog
from django.db import transaction

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.safety.models import ReleasedDocument
from chatapp.safety.policy import Action, Policy, Where, is_empty, label, policy
from chatapp.safety.stream import found
from retrieval.errors import DocumentRejected
from retrieval.models import Collection as Stored
from retrieval.models import Document
from retrieval.pipeline.ingestion import NotFailed, retry_document
from retrieval.tenants import HOUSE

log = structlog.get_logger(__name__)


class ContentNotTakenIn(DocumentRejected):
    code = "content_not_taken_in"
    user_message = "The rules of your organisation do not allow this document."
    advice = "Take it out of the file and upload it again, or speak to your administrator."


class Quarantined(DocumentRejected):
    code = "quarantined"
    user_message = "This document waits for an administrator."
    advice = "Nothing of it can be found until then."


QUARANTINED = Quarantined.code


class DocumentInspector:
    """What retrieval declares as an Inspector."""

    def inspect(self, document: UUID, collection: UUID, texts: Iterable[str]) -> Sequence[str]:
        if is_empty(Where.DOCUMENTS):
            return ()
        home = Stored.with_attached.filter(pk=collection).values_list("tenant", flat=True).first()
        rules = policy(Where.DOCUMENTS, (), {collection}, home or HOUSE)
        kinds = _kinds_in(texts, rules)
        if not kinds:
            return ()
        for kind, times in kinds.items():
            log.info("safety.found", kind=kind, action=str(rules.actions[kind]), times=times)
        _require_allowed(document, rules, kinds, home)
        return [f"It holds {_named(kinds)}."]


def release(document: Document, *, by: User | None) -> bool:
    """Out of quarantine, to be taken in. -> False where it has gone or been tried again meanwhile"""
    with transaction.atomic():
        ReleasedDocument.objects.get_or_create(document=document.pk)
        try:
            retry_document(document=document)
        except NotFailed:
            return False
        record("document.released", document.name, by, organisation=document.collection.tenant)
    return True


def _kinds_in(texts: Iterable[str], rules: Policy) -> Counter[str]:
    from chatapp.safety.learned import judging  # numpy and the heads: not for each process at its start

    kinds: Counter[str] = Counter()
    for text in texts:
        kinds.update(span.kind for span in found(rules.filters, text))
        kinds.update(judging.by_letters(text, rules.whole) if rules.whole else ())
    return kinds


def _require_allowed(document: UUID, rules: Policy, kinds: Counter[str], home: UUID | None) -> None:
    def those(action: str) -> list[str]:
        return [kind for kind in kinds if rules.actions[kind] == action]

    if blocked := those(Action.BLOCK):
        _write_down("content.blocked", document, kinds, home)
        raise ContentNotTakenIn(f"It holds {_named(blocked)}, which the rules of your organisation do not allow here.")
    if (held := those(Action.HOLD)) and not ReleasedDocument.objects.filter(document=document).exists():
        _write_down("content.quarantined", document, kinds, home)
        raise Quarantined(f"It holds {_named(held)}, so it waits for an administrator.")
    _write_down("content.found", document, kinds, home)


def _write_down(action: str, document: UUID, kinds: Counter[str], home: UUID | None) -> None:
    facts = {"where": str(Where.DOCUMENTS), "found": dict(kinds)}
    record(action, f"document {document}", None, organisation=home, **facts)


def _named(kinds: Iterable[str]) -> str:
    return ", ".join(sorted({label(kind) for kind in kinds}))
