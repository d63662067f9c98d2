"""Long work on models: rows that say what is owed, one process that does it, and its children that load llama.cpp."""
