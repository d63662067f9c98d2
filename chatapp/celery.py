"""The Celery application."""

from __future__ import annotations

import os
import sys
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_ready

from chatapp import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")

broker.register()
app = Celery("footnote")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "documents.sweep": {"task": "retrieval.tasks.sweep", "schedule": 3.0, "options": {"expires": 2.5}},
    "documents.tidy": {"task": "retrieval.tasks.tidy_files", "schedule": 3600.0, "options": {"expires": 3000}},
    "worker.heartbeat": {
        "task": "chatapp.operations.tasks.heartbeat",
        "schedule": 15.0,
        "options": {"expires": 14},
    },
    "jobs.sweep": {"task": "inference.tasks.sweep", "schedule": 15.0, "options": {"expires": 14}},
    "turns.sweep": {
        "task": "chatapp.conversations.tasks.sweep",
        "schedule": 15.0,
        "options": {"expires": 14},
    },
    "rollouts.watch": {"task": "inference.tasks.watch_rollouts", "schedule": 10.0, "options": {"expires": 9}},
    "outcomes.forget": {"task": "inference.tasks.forget_outcomes", "schedule": 3600.0, "options": {"expires": 3000}},
}


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    from chatapp.operations.logs import configure

    configure({})


@celeryd_init.connect
def _silence_prints(**_: Any) -> None:
    """A worker logs on standard error, as JSON; what Celery prints on standard output besides is no JSON."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@worker_ready.connect
def _show_signs_of_life(**_: Any) -> None:
    """At once, not only when the schedule's first turn comes."""
    app.send_task("chatapp.operations.tasks.heartbeat", expires=14)
