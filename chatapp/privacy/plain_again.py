"""Opens what is sealed in a column, for a migration that is taken back: versions before it read plain values alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.utils import CursorWrapper
from psycopg.types.json import Jsonb

from chatapp.privacy import sealing

_BATCH = 200
_SEALED = "^s2[.][A-Za-z0-9_-]{60,}={0,2}$"  # as sealing.is_named


def opened(
    table: str, column: str, place: Sequence[str] = ("id",), *, holds_json: bool = False
) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    """For RunPython; each batch is a transaction. Values of destroyed keys become empty.

    Raises KeyIsMissing and NotOurs: then nothing more is opened, and it can be run again.
    """

    def run(_: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        connection, last = schema_editor.connection, None
        while True:
            with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
                last = _open_some(cursor, last, table, column, place, holds_json)
            if last is None:
                return

    return run


def _open_some(
    cursor: CursorWrapper, last: Any, table: str, column: str, place: Sequence[str], holds_json: bool
) -> Any:
    """Of the rows behind `last`. -> the last one of them; None: there are no more"""
    value = f"{column} #>> '{{}}'" if holds_json else column
    behind = "" if last is None else "id > %s AND "
    cursor.execute(
        f"SELECT id, {value}, {', '.join(place)} FROM {table} WHERE {behind}{value} ~ %s ORDER BY id LIMIT %s",  # noqa: S608
        [*([] if last is None else [last]), _SEALED, _BATCH],
    )
    rows = cursor.fetchall()
    for pk, sealed, *where in rows:
        text = sealing.unseal_named(sealed, f"{table}.{column}:{':'.join(map(str, where))}")
        plain: Any = Jsonb(json.loads(text or "[]")) if holds_json else text or ""
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [plain, pk])  # noqa: S608
    return rows[-1][0] if len(rows) == _BATCH else None
