"""The only module that imports pymilvus: the vector index on a Milvus server, for more than one machine holds.

Nothing here runs, and nothing is sent, unless RETRIEVAL_MILVUS_URL is set.
"""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from pymilvus import DataType, MilvusClient, MilvusException

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.errors import IndexKindMissing, VectorStoreUnavailable
from retrieval.index.vectors.flat import check_added, checked_query, last_of_each
from retrieval.index.vectors.id_marks import IdMarks

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a trace of each error that it raises as well

_FEW = 10_000  # ids that one request names: larger expressions take the server longer to read than to search
_MOST = 16_384  # results of one request, by the server's own limit
_ROWS = 1_000  # of one insertion: 1.5 MB
_UNSAFE = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class MilvusSettings:
    url: str  # http(s)://host:19530; empty: not used
    token: str = field(default="", repr=False)
    timeout_s: float = 10.0


class MilvusIndex:
    """One collection of a Milvus server, created with its first use. Thread-safe.

    What the collection held before is found only once it was added again here, which sends nothing where the vector is
    the same: what the database no longer has is not found, whatever a server still holds.
    """

    def __init__(self, settings: MilvusSettings, name: str, dimension: int) -> None:
        if not settings.url:
            raise IndexKindMissing("No Milvus server is configured.", advice="Set RETRIEVAL_MILVUS_URL.")
        self.settings, self.dimension = settings, dimension
        self.collection = collection_of(name)
        self._lock = threading.Lock()
        self._client: Any = None
        self._known = IdMarks()

    # -- the connection --------------------------------------------------------------------------------------------
    @contextmanager
    def _asking(self) -> Iterator[Any]:
        try:
            yield self._connected()
        except MilvusException as error:
            raise VectorStoreUnavailable(detail=f"Milvus: {error}"[:300]) from error

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                held = self.settings
                client = MilvusClient(uri=held.url, token=held.token, timeout=held.timeout_s)
                self._ensure(client)
                self._client = client
            return self._client

    def _ensure(self, client: Any) -> None:
        timeout = self.settings.timeout_s
        if client.has_collection(self.collection, timeout=timeout):
            fields = client.describe_collection(self.collection, timeout=timeout)["fields"]
            (held,) = (int(field["params"]["dim"]) for field in fields if field["name"] == "vector")
            if held != self.dimension:
                raise VectorStoreUnavailable(
                    f"The collection {self.collection} in Milvus holds vectors of {held} components, not"
                    f" {self.dimension}.",
                    advice="Drop it there, or build a new index version.",
                )
            return
        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("mark", DataType.INT64)  # of the vector: what is there already is not sent again
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self.dimension)
        index = client.prepare_index_params()
        index.add_index("vector", index_type="AUTOINDEX", metric_type="IP")
        # Strong: what was removed, or taken from a reader, is not found by the next search.
        client.create_collection(
            self.collection, schema=schema, index_params=index, consistency_level="Strong", timeout=timeout
        )

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # -- the index -------------------------------------------------------------------------------------------------
    def __len__(self) -> int:
        return self._known.count

    def filled(self) -> None:
        """It makes no difference here."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        check_added(ids, vectors, self.dimension)
        ids, vectors = last_of_each(ids, vectors)
        halves = vectors.astype("<f2")  # as every other kind holds them: equal scores
        for at in range(0, len(ids), _ROWS):
            self._add(ids[at : at + _ROWS], halves[at : at + _ROWS])
        self._known.set(ids, True)

    def _add(self, ids: Ids, halves: npt.NDArray[np.float16]) -> None:
        marks = [_mark(vector.tobytes()) for vector in halves]
        with self._asking() as client:
            held = client.query(
                self.collection, filter=_named(ids), output_fields=["id", "mark"], timeout=self.settings.timeout_s
            )
            there = {(int(row["id"]), int(row["mark"])) for row in held}
            rows = [
                {"id": passage, "mark": mark, "vector": vector.astype(np.float32)}
                for passage, mark, vector in zip(ids.tolist(), marks, halves, strict=True)
                if (passage, mark) not in there
            ]
            if rows:
                client.upsert(self.collection, rows, timeout=self.settings.timeout_s)

    def remove(self, ids: Ids) -> None:
        self._known.set(np.asarray(ids, dtype=np.int64), False)  # at once, whether or not the server can be reached
        for at in range(0, len(ids), _ROWS):
            with self._asking() as client:
                some = [int(passage) for passage in ids[at : at + _ROWS]]
                client.delete(self.collection, ids=some, timeout=self.settings.timeout_s)

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        query = checked_query(query, self.dimension)
        if allowed is None:
            return self._widening(query, k, 2 * k + 16, None)
        if not len(allowed):
            return []
        if len(allowed) <= _FEW:
            return self._among(query, k, allowed.ids)
        share = min(len(allowed) / max(len(self), 1), 1.0)
        found = self._widening(query, k, int(1.5 * k / share) + 16, allowed)
        if len(found) >= k:
            return found
        parts = (self._among(query, k, allowed.ids[at : at + _FEW]) for at in range(0, len(allowed), _FEW))
        return sorted((one for part in parts for one in part), key=lambda one: -one.score)[:k]

    def _widening(self, query: Vectors, k: int, breadth: int, allowed: IdSet | None) -> list[Candidate]:
        found: list[Candidate] = []
        for limit in dict.fromkeys((min(breadth, _MOST), _MOST)):
            fetched = self._search(query, limit)
            found = self._permitted(fetched, allowed)
            if len(found) >= k or len(fetched) < limit:
                break
        return found[:k]

    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        """What it finds is measured against another index: a server compares with every vector only if told so."""
        return self.search(query, k, allowed)

    def _among(self, query: Vectors, k: int, ids: Ids) -> list[Candidate]:
        known = ids[self._known.has(ids)]
        if not len(known):
            return []
        return self._permitted(self._search(query, min(k, len(known)), _named(known)), IdSet(known))

    def _permitted(self, found: list[Candidate], allowed: IdSet | None) -> list[Candidate]:
        """Whatever a server answers: nothing leaves that is not permitted."""
        ids = np.array([one.passage_id for one in found], dtype=np.int64)
        kept = self._known.has(ids)
        if allowed is not None:
            kept &= allowed.mask(ids)
        return [one for one, inside in zip(found, kept, strict=True) if inside]

    def _search(self, query: Vectors, limit: int, named: str = "") -> list[Candidate]:
        with self._asking() as client:
            (hits,) = client.search(
                self.collection,
                data=[query],
                anns_field="vector",
                limit=limit,
                filter=named,
                output_fields=["id"],
                search_params={"metric_type": "IP"},
                timeout=self.settings.timeout_s,
            )
        return [Candidate(int(hit["id"]), float(hit["distance"])) for hit in hits]


def collection_of(name: str) -> str:
    return "footnote_" + _UNSAFE.sub("_", name)


def drop_collection(settings: MilvusSettings, name: str) -> None:
    """Whether or not it exists. Raises VectorStoreUnavailable."""
    try:
        client = MilvusClient(uri=settings.url, token=settings.token, timeout=settings.timeout_s)
        try:
            client.drop_collection(collection_of(name), timeout=settings.timeout_s)
        finally:
            client.close()
    except MilvusException as error:
        raise VectorStoreUnavailable(detail=f"Milvus: {error}"[:300]) from error


def _named(ids: Ids) -> str:
    return f"id in [{','.join(map(str, ids.tolist()))}]"


def _mark(vector: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(vector, digest_size=8).digest(), "little", signed=True)
