"""Organisations have their turns at the workers, however many collections each of them has."""

from __future__ import annotations

import uuid
from collections import Counter
from typing import Any

from retrieval.models import Collection, Document
from retrieval.pipeline import claims
from tests.ingestion.conftest import boss, configured, index  # noqa: F401
from tests.ingestion.test_turns import fill
from tests.organisations.houses import home

Status = Document.Status


def _waiting(status: Status) -> dict[str, uuid.UUID]:
    """Six collections of one organisation and one of another: -> their names, and whose they are"""
    large, small = home("large").organisation.pk, home("small").organisation.pk
    made = [Collection.objects.create(name=f"Large {n}", tenant=large) for n in range(6)]
    made.append(Collection.objects.create(name="Small", tenant=small))
    for one in made:
        fill(one, 30, status)
    return {one.name: one.tenant for one in made}


def _of(document: uuid.UUID) -> str:
    return Document.objects.get(pk=document).collection.name


def test_each_organisation_has_every_second_turn_in_parsing(configured: Any, transactional_db: None) -> None:  # noqa: F811
    _waiting(Status.RECEIVED)
    leases = [claims.next_to_parse() for _ in range(12)]
    taken = [_of(lease.document_id) for lease in leases if lease is not None]
    assert taken.count("Small") == 6
    assert {*taken} == {"Small", *(f"Large {n}" for n in range(6))}  # within one, its collections have theirs


def test_and_half_of_the_room_in_embedding(configured: Any, transactional_db: None) -> None:  # noqa: F811
    of = _waiting(Status.EMBEDDING)
    turns = claims.EmbeddingTurns()
    taken = Counter[uuid.UUID]()
    for _ in range(2):
        for one in turns.take(32, uuid.uuid4()):
            taken[of[_of(one.lease.document_id)]] += 1
    assert 30 == min(taken.values()) <= max(taken.values()) <= 34  # the small one has no more
