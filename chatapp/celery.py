"""The Celery application."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, worker_init, worker_ready

from chatapp import broker, queues

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")

broker.register()
app = Celery("footnote")
app.config_from_object("django.conf:settings", namespace="CELERY")
queues.define(app)
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "sources.sweep": {"task": "retrieval.sources.tasks.sweep", "schedule": 10.0, "options": {"expires": 9}},
    "documents.sweep": {"task": "retrieval.tasks.sweep", "schedule": 3.0, "options": {"expires": 2.5}},
    "versions.sweep": {"task": "retrieval.versions.tasks.sweep", "schedule": 3.0, "options": {"expires": 2.5}},
    "evaluation.sweep": {"task": "retrieval.evaluation.tasks.sweep", "schedule": 5.0, "options": {"expires": 4.5}},
    "versions.schedule": {
        "task": "retrieval.versions.tasks.begin_scheduled",
        "schedule": 300.0,
        "options": {"expires": 290},
    },
    "documents.tidy": {"task": "retrieval.tasks.tidy_files", "schedule": 3600.0, "options": {"expires": 3000}},
    "worker.heartbeat": {
        "task": "chatapp.operations.tasks.heartbeat",
        "schedule": 15.0,
        "options": {"expires": 14},
    },
    "figures.gather": {
        "task": "chatapp.operations.tasks.gather_figures",
        "schedule": 30.0,
        "options": {"expires": 28},
    },
    "figures.forget": {
        "task": "chatapp.operations.tasks.forget_figures",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "jobs.sweep": {"task": "inference.tasks.sweep", "schedule": 15.0, "options": {"expires": 14}},
    "turns.sweep": {
        "task": "chatapp.conversations.tasks.sweep",
        "schedule": 15.0,
        "options": {"expires": 14},
    },
    "rollouts.watch": {"task": "inference.tasks.watch_rollouts", "schedule": 10.0, "options": {"expires": 9}},
    "sessions.forget": {
        "task": "chatapp.accounts.tasks.forget_sessions",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "conversations.retention": {
        "task": "chatapp.privacy.tasks.forget_conversations",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "texts.seal": {"task": "chatapp.privacy.tasks.seal_older_texts", "schedule": 60.0, "options": {"expires": 50}},
    "temporary_chats.forget": {
        "task": "chatapp.privacy.tasks.forget_temporary_chats",
        "schedule": 300.0,
        "options": {"expires": 280},
    },
    "attachments.sweep": {"task": "chatapp.attachments.tasks.sweep", "schedule": 60.0, "options": {"expires": 50}},
    "attachments.unused": {
        "task": "chatapp.attachments.tasks.forget_unused",
        "schedule": 3600.0,
        "options": {"expires": 3000},
    },
    "audit.chain": {"task": "chatapp.governance.tasks.chain", "schedule": 3.0, "options": {"expires": 2.5}},
    "limits.forget": {"task": "chatapp.limits.tasks.forget_empty", "schedule": 3600.0, "options": {"expires": 3000}},
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


@worker_init.connect
def _prepare_seats(**_: Any) -> None:
    from retrieval.pipeline import preloading, seats

    seats.prepare()
    preloading.preload()
    gc.collect()
    gc.freeze()  # the children share what is here, as long as no collection writes into it


@worker_ready.connect
def _show_signs_of_life(**_: Any) -> None:
    """At once, not only when the schedule's first turn comes."""
    app.send_task("chatapp.operations.tasks.heartbeat", expires=14)
