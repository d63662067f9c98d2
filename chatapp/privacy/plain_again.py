"""Opens what is sealed in a column, for a migration that is taken back: versions before it read plain values alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from psycopg.types.json import Jsonb

from chatapp.privacy import sealing

_BATCH = 200
_SEALED = "^s2[.][A-Za-z0-9_-]{60,}={0,2}$"  # as sealing.is_named


def opened(
    table: str, column: str, place: Sequence[str] = ("id",), *, holds_json: bool = False
) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    """For RunPython; a batch is a transaction where the migration is not one. Values of destroyed keys become empty.

    Raises KeyIsMissing and NotOurs: then nothing more is opened, and it can be run again.
    """

    def run(_: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        while _open_some(schema_editor, table, column, place, holds_json):
            pass

    return run


def _open_some(
    schema_editor: BaseDatabaseSchemaEditor, table: str, column: str, place: Sequence[str], holds_json: bool
) -> bool:
    value = f"{column} #>> '{{}}'" if holds_json else column
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {value}, {', '.join(place)} FROM {table} WHERE {value} ~ %s LIMIT %s",  # noqa: S608
            [_SEALED, _BATCH],
        )
        rows = cursor.fetchall()
        for pk, sealed, *where in rows:
            text = sealing.unseal_named(sealed, f"{table}.{column}:{':'.join(map(str, where))}")
            plain: Any = Jsonb(json.loads(text or "[]")) if holds_json else text or ""
            cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [plain, pk])  # noqa: S608
    return len(rows) == _BATCH
