"""Indexes that migrations build beside those who write, by the name that released migrations know."""

from __future__ import annotations

from retrieval.concurrent_index import concurrent_index

__all__ = ["concurrent_index"]
