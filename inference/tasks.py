"""Upkeep of roll-outs and outcomes, and jobs on models, whose work is done by a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import kombu.exceptions
import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction

from inference import outcomes, rollouts
from inference.jobs import sweeping

log = structlog.get_logger(__name__)


@shared_task(acks_late=False, expires=3600)
def run_jobs() -> None:
    """Starts the process that does what is owed, and does not wait: documents are not held up."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "chatapp.settings")}
    process = subprocess.Popen(
        [sys.executable, "-m", "inference.jobs.runner"],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    threading.Thread(target=process.wait, name="job-runner", daemon=True).start()  # takes leave of it when it ends


@shared_task(acks_late=False, expires=14)
def sweep() -> None:
    if sweeping.sweep():
        run_jobs()


@shared_task(acks_late=False, expires=9)
def watch_rollouts() -> None:
    rollouts.watch()


@shared_task(acks_late=False, expires=3000)
def forget_outcomes() -> None:
    outcomes.forget_old()


def send_soon() -> None:
    """After the transaction; where the broker is away, the sweeper sees to it, every 15 seconds."""
    transaction.on_commit(_send)


def _send() -> None:
    task: Any = run_jobs
    try:
        task.apply_async(retry=False)
    except (kombu.exceptions.KombuError, kombu.exceptions.ChannelError, OSError) as error:
        log.warning("broker.unavailable", reason=str(error))
