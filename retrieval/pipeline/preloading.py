"""What the processes of a worker need sooner or later, loaded before they are forked: they share its memory."""

from __future__ import annotations

from importlib import import_module

import psycopg
import structlog
from django.conf import settings

from retrieval.embedders.tokenizer import load_tokenizer, most_tokens, tokenizer_digest
from retrieval.errors import RetrievalError

log = structlog.get_logger(__name__)

_MODULES = (
    "numpy",
    "psycopg_pool",
    "retrieval.cutting.settings",
    "retrieval.parsing.sandbox",
    "retrieval.service.client",
    "retrieval.versions.taking_in",
)
_SERVING = "SELECT embedding_model FROM versions_indexversion WHERE status = 'serving'"
_CONNECT_S = 5


def preload() -> None:
    """Nothing of it may start a thread, or leave a connection open."""
    for name in _MODULES:
        import_module(name)
    model = _model_in_use()
    try:
        load_tokenizer(model)
        most_tokens(model)
        tokenizer_digest(model)
    except (RetrievalError, OSError, ValueError) as error:  # each document says so when its turn comes
        log.warning("worker.tokenizer_not_loaded", model=model, reason=f"{type(error).__name__}: {error}"[:300])


def _model_in_use() -> str:
    """Of the version that serves, or, while nobody can say, of the settings."""
    config = settings.RETRIEVAL
    try:
        with psycopg.connect(config.database_dsn, connect_timeout=_CONNECT_S) as connection:
            row = connection.execute(_SERVING).fetchone()
    except psycopg.Error as error:
        log.warning("worker.model_not_known", reason=str(error)[:300])
        row = None
    return str(row[0]) if row else config.embedding_model
