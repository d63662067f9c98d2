"""How each process is started: one list for the supervisor and for containers.

python -m chatapp.operations.programs web|worker|index|model   becomes that process
"""

from __future__ import annotations

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retrieval.pipeline.seats import processes_needed

NAMES = ("index", "model", "worker", "web")
# Web stores the answers that are being written. A worker gives back what it was at.
GRACE_S = {"index": 5.0, "model": 5.0, "worker": 4.0, "web": 8.0}

_CHILD_KB = 600_000  # a process of the worker that has grown beyond it ends after its task, and another takes its place


def command(name: str) -> list[str]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    if name == "web":
        return [sys.executable, "-m", "uvicorn", "chatapp.asgi:application", *_web_options()]
    if name == "worker":
        return [sys.executable, "-m", "celery", "--quiet", "-A", "chatapp", "worker", *_worker_options()]
    return [*manage, {"index": "serve_index", "model": "serve_model"}[name]]


def environment(name: str) -> dict[str, str]:
    """What the process needs beyond the settings."""
    added = {
        "DJANGO_SETTINGS_MODULE": "chatapp.settings",
        "TOKENIZERS_PARALLELISM": "false",
        # Freed memory goes back to the system instead of staying in one arena for each thread.
        "MALLOC_ARENA_MAX": "2",
    }
    if name == "web" and not settings.REDIS_URL:
        added["WEB_CONCURRENCY"] = "1"  # turn streams live in its memory
    if name == "worker":
        # Stops at once, and gives back the document that was being worked on.
        added["REMAP_SIGTERM"] = "SIGQUIT"
        # Celery warns root on every start; its advice is in docs/operations.md.
        added["PYTHONWARNINGS"] = "ignore:You're running the worker"
    return added


def make_folders() -> None:
    inbox = settings.VAR_DIR / "inbox"  # what sources may read unless the settings say otherwise
    for folder in (settings.VAR_DIR, inbox, settings.STATIC_ROOT):  # the web process warns where the last is missing
        folder.mkdir(parents=True, exist_ok=True)


def _web_options() -> list[str]:
    options = f"--host {settings.BIND} --port {settings.PORT} --ws-max-size 1000000 --ws-per-message-deflate false"
    alive = "--ws-ping-interval 15 --ws-ping-timeout 15"  # a page that is gone, or takes nothing, ends within a minute
    quiet = "--no-access-log --no-server-header --timeout-graceful-shutdown 5 --log-level warning"
    # Without trusted proxies the address of the connection counts, whatever a header and uvicorn's default say.
    trusted = ",".join(settings.TRUSTED_PROXIES)
    client = ["--proxy-headers", "--forwarded-allow-ips", trusted] if trusted else ["--no-proxy-headers"]
    bounded = ["--http", "chatapp.operations.http_protocol:BoundedHttp"]
    return [*options.split(), *alive.split(), *quiet.split(), *bounded, *client]


def _worker_options() -> list[str]:
    schedule = settings.VAR_DIR / "celerybeat-schedule"
    return [
        "--loglevel=WARNING",
        "--beat",
        f"--schedule={schedule}",
        f"--concurrency={processes_needed()}",
        f"--max-memory-per-child={_CHILD_KB}",
    ]


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in NAMES:
        sys.exit(f"Name one process: {', '.join(NAMES)}.")
    line = command(arguments[0])
    make_folders()
    os.execve(line[0], line, {**os.environ, **environment(arguments[0])})  # noqa: S606 - our own command


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
    try:
        main(sys.argv[1:])
    except ImproperlyConfigured as error:
        sys.exit(f"Error: {error}")
