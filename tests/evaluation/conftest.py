from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from retrieval.models import Collection, Document
from tests.index.conftest import Service, collection, publish, running_service, service

__all__ = ["collection", "publish", "running_service", "service"]

DOCUMENTS = {
    "leave.pdf": ["Employees have 25 days of paid annual leave.", "Leave is asked for in the portal."],
    "parking.pdf": ["Parking is free for visitors on the first floor."],
    "travel.pdf": ["Trains are booked in second class.", "Hotels may cost 120 euros a night."],
    "lunch.pdf": ["The canteen serves lunch from noon until two."],
}
QUESTIONS: list[dict[str, Any]] = [
    {"question": "How many days of annual leave do I have?", "relevant": ["leave.pdf"], "tags": ["people"]},
    {"question": "Where can visitors park?", "relevant": ["parking.pdf"], "language": "en"},
    {
        "question": "What may a hotel cost?",
        "relevant": [{"document": "travel.pdf", "quote": "120 euros a night"}],
        "tags": ["people", "money"],
    },
    {"question": "When is lunch served?", "relevant": ["lunch.pdf"], "answer": "From noon until two."},
]


def as_jsonl(questions: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in questions).encode()


@pytest.fixture
def reached(service: Service, settings: Any) -> Service:
    """This process asks the real index service."""
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, index_service_url=service.config.index_service_url)
    return service


@pytest.fixture
def handbook(
    reached: Service, collection: Collection, publish: Callable[[Collection, str, Sequence[str]], Document]
) -> Collection:
    for name, passages in DOCUMENTS.items():
        publish(collection, name, passages)
    reached.caught_up()
    return collection
