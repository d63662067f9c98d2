"""The only module that imports dulwich: the documents of one branch of a Git repository."""

from __future__ import annotations

import fnmatch
import functools
import io
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from dulwich import pack
from dulwich.client import HttpGitClient, HTTPUnauthorized, LocalGitClient
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.file import FileLocked
from dulwich.repo import Repo

from retrieval.sources.connector import Item, Kind, Surroundings, known_fields, require
from retrieval.sources.connectors.folder import within
from retrieval.sources.errors import BadSourceSettings, ItemTooLarge, SourceError, SourceRefused, SourceUnreachable
from retrieval.sources.guarded_http import HTTPError, pool, translated

_DEFAULTS: dict[str, Any] = {"url": "", "branch": "", "patterns": ["*.md", "*.txt", "*.pdf", "*.docx", "*.html"]}
_MOST_BYTES = 2_000_000_000  # of the local copy
_MOST_PACKS = 20  # each fetch adds one; then the copy is made anew
_ENTRIES = 1_000_000  # files and folders
_DEPTH = 50
_LFS = b"version https://git-lfs.github.com/spec/"
_MOST_OBJECT = 512 * 1024 * 1024  # bytes that one object unpacks to: the library's own bound outside packs
_BASE = 4  # a file that was made smaller may be stored as what is left of so many times the size that is taken
_object_bytes: ContextVar[int] = ContextVar("object_bytes", default=_MOST_OBJECT)


class GitConnector:
    """Keeps a bare, shallow copy in its folder; what did not change at the remote is not fetched again."""

    def __init__(self, settings: Mapping[str, Any], around: Surroundings) -> None:
        self._around, self._settings = around, settings
        self._folder = around.folder / "repository.git"

    def items(self) -> Iterator[Item]:
        with self._translated():
            repository = self._copy()
            try:
                head = self._fetch(repository)
                commit: Any = repository[head]
                dated = _moment(commit.commit_time)
                for path, mode, sha in self._files(repository, commit.tree):
                    if stat.S_ISREG(mode) and self._wanted(path):
                        yield self._item(repository, path, sha, dated)
            finally:
                repository.close()

    def _files(self, repository: Repo, tree: bytes) -> Iterator[tuple[str, int, bytes]]:
        """Path, mode and id of every file. A small repository can name the same folder billions of times."""
        waiting, seen = [("", tree, 0)], 0
        while waiting:
            folder, sha, depth = waiting.pop()
            found: Any = repository[sha]
            inner = []
            for name, mode, entry in found.iteritems(name_order=True):
                self._around.alive()
                seen += 1
                if seen > _ENTRIES or depth > _DEPTH:
                    raise SourceError("The repository has too many files.", advice="Name a smaller one.")
                path = f"{folder}{name.decode('utf-8', 'replace')}"
                if stat.S_ISDIR(mode):
                    inner.append((f"{path}/", entry, depth + 1))
                else:
                    yield path, mode, entry
            waiting += reversed(inner)

    def _item(self, repository: Repo, path: str, sha: bytes, dated: datetime | None) -> Item:
        earlier = self._around.earlier(path)
        version = sha.decode()
        # The commit's time is that of this version only where it is new; the copy holds no history.
        when = dated if earlier is None or earlier.version != version else None
        return Item(path, version, path.rpartition("/")[2], partial(self._open, repository, sha), when)

    def _wanted(self, path: str) -> bool:
        patterns = self._settings["patterns"]
        return not patterns or any(fnmatch.fnmatch(path.lower(), one.lower()) for one in patterns)

    @contextmanager
    def _open(self, repository: Repo, sha: bytes) -> Iterator[BinaryIO]:
        data = self._unpacked(repository, sha)
        if data.startswith(_LFS):
            raise SourceError("This file is kept in Git LFS, which is not read.", advice="Upload it by hand.")
        yield io.BytesIO(data)

    def _unpacked(self, repository: Repo, sha: bytes) -> bytes:
        token = _object_bytes.set(min(_BASE * self._around.item_bytes, _MOST_OBJECT))
        try:
            blob: Any = repository[sha]
        except _ObjectTooLarge as error:
            raise ItemTooLarge from error
        finally:
            _object_bytes.reset(token)
        data: bytes = blob.as_raw_string()
        if len(data) > self._around.item_bytes:
            raise ItemTooLarge
        return data

    def _copy(self) -> Repo:
        """The one that is there, or an empty one; a copy that was cut off in its making is made again."""
        if len(list(self._folder.glob("objects/pack/*.pack"))) > _MOST_PACKS:
            shutil.rmtree(self._folder)
        try:
            return Repo(str(self._folder))
        except NotGitRepository:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            return Repo.init_bare(str(self._folder))

    def _fetch(self, repository: Repo) -> bytes:
        """-> the commit of the branch, whose files are then in the copy"""
        client, path = self._client()
        wanted: list[bytes] = []

        def choose(refs: Any, depth: int | None = None) -> list[bytes]:
            wanted[:] = [self._head(refs)]
            return [] if _holds(repository, wanted[0]) else wanted

        client.fetch(path, repository, determine_wants=choose, progress=self._progress, depth=1)
        return wanted[0]

    def _head(self, refs: Mapping[bytes, bytes | None]) -> bytes:
        branch = self._settings["branch"]
        name = f"refs/heads/{branch}".encode() if branch else b"HEAD"
        if not (found := refs.get(name)):
            known = ", ".join(
                sorted(ref[11:].decode("utf-8", "replace") for ref in refs if ref.startswith(b"refs/heads/"))[:10]
            )
            advice = f"It has: {known}." if known else "It has no branch."
            raise BadSourceSettings(f"The repository has no branch {branch or 'HEAD'}.", advice=advice)
        return found

    def _progress(self, _: bytes) -> None:
        self._around.alive()
        if sum(one.stat().st_size for one in self._folder.glob("objects/pack/*")) > _MOST_BYTES:
            raise SourceError("The repository is too large.", advice="Name a smaller one.")

    def _client(self) -> tuple[Any, str]:
        url = self._settings["url"]
        address = urlsplit(url)
        if address.scheme in ("http", "https"):
            name, _, password = self._around.secret.rpartition(":")
            login: dict[str, Any] = {"username": name or "git", "password": password} if password else {}
            base = f"{address.scheme}://{address.netloc}"
            return HttpGitClient(base, pool_manager=pool(self._around.networks), **login), address.path
        return LocalGitClient(), str(self._local(Path(url)))

    def _local(self, path: Path) -> Path:
        """Its files must lie inside the folders as well: `.git` may be a link, or name another place."""
        place = within(path, self._around.roots)
        with closing(Repo(str(place))) as found:
            for folder in (found.controldir(), found.commondir()):
                within(Path(folder), self._around.roots)
            alternates = Path(found.commondir(), "objects", "info", "alternates")
            if alternates.exists() or Path(found.commondir(), "objects").is_symlink():
                raise BadSourceSettings("The repository keeps files elsewhere.", advice="Name one that is whole.")
        return place

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except HTTPUnauthorized as error:
            raise SourceRefused(detail=str(error)) from error
        except NotGitRepository as error:
            raise BadSourceSettings("There is no Git repository at this address.", detail=str(error)) from error
        except _ObjectTooLarge as error:
            sentence = f"A file of the repository has more than {_MOST_OBJECT // 1_000_000} MB."
            raise SourceError(sentence, advice="Name a repository or a branch without it.") from error
        except (GitProtocolError, FileLocked, EOFError) as error:
            raise SourceUnreachable(detail=str(error)) from error
        except HTTPError as error:
            raise translated(error, self._settings["url"]) from error


# -- a few bytes of a pack may say that they are terabytes, and the library takes their word for it --------------------
class _ObjectTooLarge(Exception):
    pass


def _refuse_beyond_limit(size: int) -> None:
    if size > _object_bytes.get():
        raise _ObjectTooLarge(f"{size} bytes")


def _bounded_inflating(inflate: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(inflate)
    def bounded(*args: Any, **named: Any) -> Any:
        for one in args:
            if isinstance(one, pack.UnpackedObject):
                _refuse_beyond_limit(one.decomp_len or 0)
        return inflate(*args, **named)

    return bounded


def _bounded_delta(apply: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(apply)
    def bounded(base: Any, delta: Any) -> Any:
        whole = delta if isinstance(delta, bytes) else b"".join(delta)
        _refuse_beyond_limit(_size_after(whole))
        return apply(base, whole)

    return bounded


def _size_after(delta: bytes) -> int:
    """The second of the two numbers it begins with, seven bits a byte, the lowest first."""
    numbers, shift = [0, 0], 0
    which = 0
    for byte in delta[:40]:
        numbers[which] |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            if which:
                break
            which, shift = 1, 0
    return numbers[1]


pack.read_zlib_chunks = _bounded_inflating(pack.read_zlib_chunks)
pack.read_zlib_chunks_at = _bounded_inflating(pack.read_zlib_chunks_at)
pack.apply_delta = _bounded_delta(pack.apply_delta)


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _holds(repository: Repo, head: bytes) -> bool:
    """Packs are moved in place as a whole, so one that has the commit has its files."""
    try:
        commit: Any = repository[head]
        return bool(repository[commit.tree])
    except KeyError:
        return False


def _check(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = known_fields(given, _DEFAULTS)
    address = urlsplit(fields["url"])
    web = address.scheme in ("http", "https") and address.hostname
    require(bool(web) or Path(fields["url"]).is_absolute(), "The setting url must be an https address or a path.")
    require("@" not in address.netloc, "The address must not hold a name or password; name a key instead.")
    return fields


KIND = Kind("git", "Git repository", _DEFAULTS, _check, GitConnector)
