"""From a file to structured blocks, each format in a module of its own, each file in a process of its own (sandbox)."""
