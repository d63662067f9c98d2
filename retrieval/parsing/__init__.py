"""From a file to structured blocks, each format in a module of its own, each file in a process of its own."""

from retrieval.parsing.sandbox import parse_file

__all__ = ["parse_file"]
