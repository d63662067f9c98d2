"""Indexes that migrations build beside those who write, and that can be built again where that was broken off."""

from __future__ import annotations

from typing import Any

from django.db.migrations import RunPython

_BROKEN = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid)"


def concurrent_index(name: str, table: str, rest: str, *, unique: bool = False) -> RunPython:
    """For a migration that is not atomic. `rest`: the columns in brackets, and the condition."""

    def build(_: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            cursor.execute(_BROKEN, [name])
            (broken,) = cursor.fetchone()
        if broken:  # what a build that was broken off has left: IF NOT EXISTS would pass over it
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
        kind = "UNIQUE INDEX" if unique else "INDEX"
        schema_editor.execute(f"CREATE {kind} CONCURRENTLY IF NOT EXISTS {name} ON {table} {rest}")

    def drop(_: Any, schema_editor: Any) -> None:
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")

    return RunPython(build, drop)
