"""The queues of Celery, one for each stage, and which task goes through which.

One pool takes from all of them; `retrieval.pipeline.seats` keeps its processes for each stage apart. So a queue never
fills while another stage works, and a worker for one stage alone, on another machine, is
`celery -A chatapp worker -Q embed`.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

_EXCHANGE = Exchange("footnote", type="direct")  # type: ignore[no-untyped-call]
UPKEEP = "upkeep"  # sweeps and signs of life: short, and never behind long work
NAMES = (UPKEEP, "parse", "embed", "build", "sources")
BEFORE = "celery"  # where versions before the stages had everything
_ROUTES = {
    "retrieval.tasks.parse_*": {"queue": "parse"},
    "retrieval.tasks.embed_*": {"queue": "embed"},
    "retrieval.versions.tasks.build*": {"queue": "build"},
    "retrieval.evaluation.tasks.build_*": {"queue": "build"},
    "retrieval.sources.tasks.read_*": {"queue": "sources"},
}


def define(app: Celery[Any]) -> None:
    before = Exchange(BEFORE, type="direct")  # type: ignore[no-untyped-call]
    named = [(name, _EXCHANGE) for name in NAMES] + [(BEFORE, before)]
    app.conf.task_queues = [
        Queue(name, exchange, routing_key=name)  # type: ignore[no-untyped-call]
        for name, exchange in named
    ]
    app.conf.task_routes = _ROUTES
    app.conf.task_default_queue = UPKEEP
    app.conf.task_default_exchange = _EXCHANGE.name
    app.conf.task_default_routing_key = UPKEEP
