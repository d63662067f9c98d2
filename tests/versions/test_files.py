"""The index of a version in files: built and measured before it serves, opened by the services, never trusted."""

from __future__ import annotations

import shutil
from pathlib import Path

from retrieval.models import Document
from retrieval.versions import services, structures
from retrieval.versions.models import IndexVersion
from tests.index.conftest import Service
from tests.versions.asking import Asking
from tests.versions.conftest import serves, settle


def files_of(version: IndexVersion) -> list[Path]:
    folder = structures.folder_of(structures.indexes_dir(), version.pk, version.embedding_model)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_another_index_kind_is_built_measured_and_served_from_its_files(
    library: list[Document], service: Service, asking: Asking
) -> None:
    asking.start(1)
    version = services.request_version(kind="ivf")
    settle(lambda: serves(version))
    asking.stop()
    asking.assert_each_came_from_one_version()
    index = version.report["index"]
    assert (index["kind"], index["vectors"]) == ("ivf", version.report["passages"])
    assert index["recall"] >= 0.9
    assert {path.name for path in files_of(version)} >= {"manifest.json", "vectors.faiss", "ids.npy"}

    service.stop()
    for path in files_of(version):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])  # as a full disk or a broken copy leaves it
    service.start()
    assert service.client.status().version == version.pk
    assert len(service.found("What is the rule on leave?", library[0].collection)) == 10

    service.stop()
    shutil.rmtree(files_of(version)[0].parent)
    service.start()
    assert len(service.found("What is the rule on leave?", library[0].collection)) == 10
