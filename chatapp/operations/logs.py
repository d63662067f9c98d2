"""Structured logs: one line of JSON for each event, with the id of the turn or request that it belongs to."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_NOISY = (
    "httpx",
    "httpcore",
    "pdfminer",
    "kombu",
    "uvicorn.access",
    "faiss.loader",
    "celery.worker.strategy",
    "celery.app.trace",
    "celery.beat",  # a line for each task that is due: 25 MB a day
)


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# One list for all calls: loggers that were used before keep theirs, and what changes it must reach them too.
_PROCESSORS: list[Any] = [*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]


def configure(_logging: dict[str, Any] | None = None) -> None:
    from django.conf import settings

    structlog.configure(
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    renderer: Any = structlog.processors.JSONRenderer()
    if settings.LOG_FORMAT == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.LOG_LEVEL)
    for noisy in _NOISY:
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):  # its own handlers write plain text
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
