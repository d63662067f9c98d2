"""The vector index of a version in files, where its size asks for more than comparing with every vector.

Built here, before the version serves, it is measured against exact search, and index services that see the same folder
need not build it themselves. Those that do not see it serve from Postgres and build their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from django.conf import settings
from django.db import connection, transaction

from retrieval.contracts import Vectors
from retrieval.index.id_set import Ids
from retrieval.index.vectors.building import build_index
from retrieval.index.vectors.errors import BuildStopped, IndexFilesDamaged, IndexTooLarge
from retrieval.index.vectors.kinds import Choice, Kind, resolve
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.served import VectorSettings, folder_of, forget_index
from retrieval.leasing import LeaseLost
from retrieval.versions.leases import BuildLease
from retrieval.versions.models import IndexVersion

log = structlog.get_logger(__name__)

LEAST_RECALL = 0.9  # of exact search; less is no index to serve
_BUILD = "00000000000000000000-build"  # older by name than what a service builds later; one killed goes on in it
_TRIES = 2  # a build that outlives its worker's limits is left to the services
_ROWS = 16_384

_VECTORS = """
SELECT p.id, v.vector FROM versions_indexeddocument m
  JOIN retrieval_passage p ON p.document_id = m.document_id AND p.cut = m.cut
  JOIN retrieval_passagevector v ON v.passage_id = p.id AND v.model = %s
 WHERE m.version_id = %s AND m.error = ''
"""


def indexes_dir() -> Path:
    return Path(settings.RETRIEVAL.cache_dir) / "vectors"


def build(version: IndexVersion, passages: int, lease: BuildLease) -> dict[str, Any]:
    """-> what the report says of it: kind, reason, and where it was built its recall and its checksums"""
    dimension = version.dimension or 0
    wanted = settings.RETRIEVAL.index_kind if version.kind in ("", "auto") else version.kind
    choice = resolve(wanted, passages, dimension, Machine.here())
    told = {"kind": str(choice.kind), "reason": choice.reason}
    if choice.kind in (Kind.FLAT, Kind.MILVUS) or not passages:
        return {**told, **({"recall": 1.0} if choice.kind == Kind.FLAT else {})}
    if version.attempts > _TRIES:
        return {**told, "not_built": "It takes longer than a task may. Index services build it themselves."}
    try:
        return told | _built(version, choice, lease)
    except IndexTooLarge as error:  # for this machine; those of the services may be larger
        log.warning("build.too_large", version=version.pk, reason=str(error))
        return {**told, "not_built": error.user_message}


def _built(version: IndexVersion, choice: Choice, lease: BuildLease) -> dict[str, Any]:
    folder = folder_of(indexes_dir(), version.pk, version.embedding_model) / _BUILD
    threads = max((os.cpu_count() or 2) // 2, 1)  # the other half answers
    try:
        made = build_index(
            choice.kind,
            folder,
            version.dimension or 0,
            lambda: _batches(version),
            threads=threads,
            stop=lease.lost,
        )
        made.check_contents(folder)
    except BuildStopped:
        raise LeaseLost from None
    except IndexFilesDamaged:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return {"vectors": made.count, "recall": made.recall, "seconds": made.seconds, "sha256": made.sha256}


def _batches(version: IndexVersion) -> Iterator[tuple[Ids, Vectors]]:
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_VECTORS, [version.embedding_model, version.pk])
        while rows := cursor.fetchmany(_ROWS):
            ids = np.array([row[0] for row in rows], dtype=np.int64)
            stored = np.frombuffer(b"".join(bytes(row[1]) for row in rows), dtype="<f2")
            yield ids, stored.reshape(len(rows), -1).astype(np.float32)


def remove(version: IndexVersion) -> None:
    held = settings.RETRIEVAL
    kept = VectorSettings(indexes_dir(), held.index_kind, held.milvus_url, held.milvus_token)
    forget_index(kept, version.kind, version=version.pk, model=version.embedding_model)
