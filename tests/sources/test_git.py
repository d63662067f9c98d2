from __future__ import annotations

import dataclasses
import random
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from dulwich import pack
from dulwich.object_format import DEFAULT_OBJECT_FORMAT
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import make_wsgi_chain

from retrieval.models import Collection
from retrieval.sources.connectors import git
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.services import create_source
from tests.sources.conftest import Run, make_ready, names


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path) -> Repo:
    (tmp_path / "docs.git").mkdir()
    return Repo.init_bare(str(tmp_path / "docs.git"))


def commit(repository: Repo, files: dict[str, str], *, links: dict[str, str] | None = None) -> None:
    tree, folders = Tree(), dict[str, Tree]()
    for mode, contents in ((0o100644, files), (0o120000, links or {})):
        for path, text in contents.items():
            blob = Blob.from_string(text.encode())
            repository.object_store.add_object(blob)
            folder, _, name = path.rpartition("/")
            target = folders.setdefault(folder, Tree()) if folder else tree
            target.add(name.encode(), mode, blob.id)
    for folder, inner in folders.items():
        repository.object_store.add_object(inner)
        tree.add(folder.encode(), 0o040000, inner.id)
    made: Any = Commit()
    made.tree, made.author, made.committer = tree.id, b"A <a@a.example>", b"A <a@a.example>"
    made.author_time = made.commit_time = 1_700_000_000
    made.author_timezone = made.commit_timezone = 0
    made.message, made.encoding = b"change", b"UTF-8"
    repository.object_store.add_object(tree)
    repository.object_store.add_object(made)
    repository.refs[b"refs/heads/main"] = made.id
    repository.refs.set_symbolic_ref(b"HEAD", b"refs/heads/main")


@pytest.fixture
def served(repository: Repo) -> Iterator[str]:
    """The repository over Git's own protocol on HTTP."""
    application = make_wsgi_chain(DictBackend({"/docs.git": repository}))
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/docs.git"
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["path", "http"])
def source(request: pytest.FixtureRequest, repository: Repo, served: str, collection: Collection) -> Source:
    url = served if request.param == "http" else str(repository.path)
    return create_source(
        private_networks=True, name="Wiki", collection=collection, kind="git", settings={"url": url, "branch": "main"}
    )


def test_the_documents_of_a_branch_are_taken_and_only_changes_after_that(
    source: Source, repository: Repo, run: Run
) -> None:
    commit(repository, {"readme.md": "first", "guide/a.md": "second", "code.bin": "no"}, links={"l.md": "readme.md"})
    assert run(source).counts == {"seen": 2, "new": 2}
    assert names(source.collection) == ["guide/a.md", "readme.md"]
    make_ready()
    assert run(source).counts == {"seen": 2, "unchanged": 2}
    commit(repository, {"readme.md": "first, mended"})
    assert run(source).counts == {"seen": 1, "changed": 1, "removed": 1}
    make_ready()
    assert names(source.collection) == ["readme.md"]


def test_a_copy_that_was_cut_off_in_its_making_is_made_again(
    source: Source, repository: Repo, run: Run, settings: Any
) -> None:
    commit(repository, {"readme.md": "first"})
    broken = settings.RETRIEVAL.cache_dir / "sources" / str(source.pk) / "repository.git" / "objects" / "pack"
    broken.mkdir(parents=True)
    (broken / "tmp_pack_x").write_bytes(b"half")
    assert run(source).counts == {"seen": 1, "new": 1}


def test_files_in_lfs_are_named_and_not_taken(source: Source, repository: Repo, run: Run) -> None:
    commit(repository, {"big.pdf": "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a.md": "text"})
    assert run(source).counts == {"seen": 2, "failed": 1, "new": 1}
    assert "Git LFS" in SourceItem.objects.get(key="big.pdf").error


@pytest.mark.parametrize("branch", ["missing", ""])
def test_a_branch_that_is_not_there_is_named(source: Source, repository: Repo, run: Run, branch: str) -> None:
    if branch:
        commit(repository, {"a.md": "text"})
    Source.objects.update(settings={**source.settings, "branch": branch})
    refused = run(source)
    assert refused.error_code == "bad_source_settings" and "branch" in refused.error


def test_a_repository_that_is_not_there_fails_with_a_sentence(collection: Collection, served: str, run: Run) -> None:
    url = served.replace("docs.git", "other.git")
    source = create_source(private_networks=True, name="Wiki", collection=collection, kind="git", settings={"url": url})
    assert run(source).outcome == Source.Outcome.FAILED


def test_a_file_larger_than_the_limit_is_refused_before_it_is_unpacked(
    source: Source, repository: Repo, run: Run, settings: Any
) -> None:
    commit(repository, {"bomb.md": "0" * 12_000_000, "a.md": "text"})
    run(source)  # the copy is there now
    limits = dataclasses.replace(settings.RETRIEVAL.limits, file_bytes=100_000)
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, limits=limits)
    SourceItem.objects.all().delete()
    tracemalloc.start()
    try:
        counts = run(source).counts
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert counts["failed"] == 1 and counts["seen"] == 2
    assert "larger than the limit" in SourceItem.objects.get(key="bomb.md").error
    assert peak < 6_000_000


def test_a_file_that_was_cut_down_to_fit_is_taken_though_it_is_stored_by_its_larger_past(
    source: Source, repository: Repo, run: Run, settings: Any
) -> None:
    words = random.Random(7).choices(["leave", "agreed", "office", "parking", "holiday"], k=40_000)
    commit(repository, {"long.md": " ".join(words), "short.md": " ".join(words[:10_000])})
    run(source)
    packed_as_differences(settings.RETRIEVAL.cache_dir / "sources" / str(source.pk) / "repository.git")
    limits = dataclasses.replace(settings.RETRIEVAL.limits, file_bytes=100_000)
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, limits=limits)
    SourceItem.objects.all().delete()
    Source.objects.update(lease_until=None)
    assert run(source).counts["failed"] == 1
    assert "larger than the limit" in SourceItem.objects.get(key="long.md").error
    assert SourceItem.objects.get(key="short.md").error == ""


def packed_as_differences(folder: Path) -> None:
    """As a server sends them: the smaller file as a part of the larger one."""
    with closing(Repo(str(folder))) as copy:
        objects = [(copy[sha], None) for sha in copy.object_store]
    packs = folder / "objects" / "pack"
    for old in packs.iterdir():
        old.unlink()
    pack.write_pack(str(packs / "pack-made"), objects, object_format=DEFAULT_OBJECT_FORMAT, deltify=True)
    with closing(pack.Pack(str(packs / "pack-made"), object_format=DEFAULT_OBJECT_FORMAT)) as made:
        assert any(one.delta_base is not None for one in made.data.iter_unpacked())


def test_a_repository_with_a_file_that_no_memory_holds_is_refused_as_a_whole(
    source: Source, repository: Repo, run: Run
) -> None:
    commit(repository, {"bomb.md": "0" * 12_000_000, "a.md": "text"})
    token = git._object_bytes.set(2_000_000)
    try:
        refused = run(source)
    finally:
        git._object_bytes.reset(token)
    assert refused.error_code == "source_failed" and "MB" in refused.error


def test_a_delta_that_copies_its_base_a_million_times_is_refused_before_it_is_followed() -> None:
    base, size = b"0" * 65_536, 65_536 * 1_000_000
    delta = _number(len(base)) + _number(size) + b"\x80" * 1_000_000
    with pytest.raises(Exception, match=f"{size} bytes"):
        pack.apply_delta(base, delta)


def _number(value: int) -> bytes:
    """As Git writes sizes."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
