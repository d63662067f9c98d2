"""Questions without a pause, and what came of each."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

import numpy as np

from retrieval.contracts import PassageHit, SearchRequest
from retrieval.errors import RetrievalError
from retrieval.models import Collection, PassageVector
from retrieval.service.client import IndexClient
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.index.conftest import Service


@dataclass
class Asking:
    service: Service
    collection: Collection
    questions: list[str]
    answers: list[tuple[str, list[PassageHit]]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _of_each: dict[int, list[int]] = field(default_factory=dict)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self, threads: int = 2) -> None:
        for number in range(threads):
            self._threads.append(threading.Thread(target=self._run, args=(number,), daemon=True))
            self._threads[-1].start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(40)

    def _run(self, number: int) -> None:
        client = IndexClient(self.service.config)
        mine = self._of_each.setdefault(number, [])
        while not self._stop.is_set():
            question = self.questions[number % len(self.questions)]
            number += 1
            begun = time.monotonic()
            try:
                hits = client.search(SearchRequest(question, frozenset([self.collection.pk]), 10))
                self.answers.append((question, hits))
                if hits and hits[0].version not in mine[-1:]:
                    mine.append(hits[0].version)
            except RetrievalError as error:
                self.failed.append(f"{question}: {error}")
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            time.sleep(0.01)

    def versions(self) -> list[list[int]]:
        """That answered each thread, in their order, each once for as long as it went on; threads overtake others."""
        return list(self._of_each.values())

    def assert_each_came_from_one_version(self) -> None:
        """None failed, and in every answer each passage and similarity is that of the version that it names."""
        assert not self.failed, self.failed[:3]
        assert len(self.answers) > 20
        judge = _Judge(self.service)
        for question, hits in self.answers:
            assert hits, question
            assert len({hit.version for hit in hits}) == 1
            judge.check(question, hits)


class _Judge:
    def __init__(self, service: Service) -> None:
        self._client = IndexClient(service.config)
        self._models = dict(IndexVersion.objects.values_list("pk", "embedding_model"))
        self._passages: dict[int, dict[int, bytes]] = {}
        self._questions: dict[tuple[str, str], np.ndarray] = {}

    def check(self, question: str, hits: list[PassageHit]) -> None:
        version = hits[0].version or min(self._models)
        vectors, asked = self._vectors(version), self._question(question, self._models[version])
        for hit in hits:
            assert hit.passage_id in vectors, f"passage {hit.passage_id} is none of version {version}"
            if hit.dense:
                stored = np.frombuffer(vectors[hit.passage_id], dtype="<f2").astype(np.float32)
                assert abs(float(stored @ asked) - hit.dense) < 0.01, (question, hit)

    def _vectors(self, version: int) -> dict[int, bytes]:
        if version not in self._passages:
            places = IndexedDocument.objects.filter(version=version).values_list("document", "cut")
            found = PassageVector.objects.filter(model=self._models[version]).select_related("passage")
            cuts = set(places)
            self._passages[version] = {
                one.passage_id: bytes(one.vector) for one in found if (one.passage.document_id, one.passage.cut) in cuts
            }
        return self._passages[version]

    def _question(self, question: str, model: str) -> np.ndarray:
        if (question, model) not in self._questions:
            self._questions[question, model] = self._client.embed([question], bulk=False, of_model=model)[0]
        return self._questions[question, model]
