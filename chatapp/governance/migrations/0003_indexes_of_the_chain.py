from typing import Any

from django.db import migrations, models
from django.db.models import Q

_TABLE, _UNIQUE, _WAITING = "governance_auditentry", "governance_auditentry_sequence_key", "audit_not_chained_yet"
_BROKEN = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid)"
_CONSTRAINED = "SELECT EXISTS (SELECT FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass)"


def build(apps: Any, schema_editor: Any) -> None:
    """While people write. An earlier form of 0002 made both: then there is nothing to do."""
    connection = schema_editor.connection
    for name, rest in ((_UNIQUE, "(sequence)"), (_WAITING, "(id) WHERE hash IS NULL")):
        if _is_so(connection, _BROKEN, name):  # what a build that was broken off has left
            schema_editor.execute(f"DROP INDEX CONCURRENTLY {name}")
        unique = "UNIQUE " if name == _UNIQUE else ""
        schema_editor.execute(f"CREATE {unique}INDEX CONCURRENTLY IF NOT EXISTS {name} ON {_TABLE} {rest}")
    if not _is_so(connection, _CONSTRAINED, _UNIQUE, _TABLE):
        schema_editor.execute(f"ALTER TABLE {_TABLE} ADD CONSTRAINT {_UNIQUE} UNIQUE USING INDEX {_UNIQUE}")


def drop(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(f"ALTER TABLE {_TABLE} DROP CONSTRAINT IF EXISTS {_UNIQUE}")
    schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {_WAITING}")


def _is_so(connection: Any, query: str, *values: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return bool(cursor.fetchone()[0])


class Migration(migrations.Migration):
    atomic = False  # indexes are built beside those who write

    dependencies = [
        ("governance", "0002_chained_and_sealed"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(build, drop, elidable=False)],
            state_operations=[
                migrations.AlterField("auditentry", "sequence", models.BigIntegerField(null=True, unique=True)),
                migrations.AddIndex("auditentry", models.Index(fields=["id"], condition=Q(hash=None), name=_WAITING)),
            ],
        ),
    ]
