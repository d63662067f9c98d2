"""The indexes of a long trail are built while others write, whatever an earlier build has left there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

BEFORE = [("governance", "0002_chained_and_sealed")]
UNIQUE, WAITING = "governance_auditentry_sequence_key", "audit_not_chained_yet"

pytestmark = pytest.mark.django_db(transaction=True)


def migrate(to: list[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(to)


@pytest.fixture
def leaves() -> Iterator[list[tuple[str, str]]]:
    """Those of this app, and back there in the end."""
    found = MigrationExecutor(connection).loader.graph.leaf_nodes("governance")
    migrate(BEFORE)
    yield found
    migrate(found)


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for one in statements:
            cursor.execute(one)


def indexes() -> dict[str, bool]:
    """-> by name, whether it can be used"""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
            " WHERE indrelid = 'governance_auditentry'::regclass"
        )
        return {name: valid for name, valid in cursor.fetchall() if name in (UNIQUE, WAITING)}


def is_constrained() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE conname = %s", [UNIQUE])
        return bool(cursor.fetchone() == (1,))


def test_the_migration_before_builds_none(leaves: list[tuple[str, str]]) -> None:
    assert not indexes() and not is_constrained()
    migrate(leaves)
    assert indexes() == {UNIQUE: True, WAITING: True} and is_constrained()


def test_where_they_are_there_already_nothing_is_built(leaves: list[tuple[str, str]]) -> None:
    """As the migration before made them in an earlier form."""
    execute(
        f"ALTER TABLE governance_auditentry ADD CONSTRAINT {UNIQUE} UNIQUE (sequence)",
        f"CREATE INDEX {WAITING} ON governance_auditentry (id) WHERE hash IS NULL",
    )
    migrate(leaves)
    assert indexes() == {UNIQUE: True, WAITING: True} and is_constrained()


def test_a_build_that_was_broken_off_is_made_again(leaves: list[tuple[str, str]]) -> None:
    execute(
        f"CREATE UNIQUE INDEX {UNIQUE} ON governance_auditentry (sequence)",
        f"UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{UNIQUE}'::regclass",
    )
    assert indexes() == {UNIQUE: False}
    migrate(leaves)
    assert indexes() == {UNIQUE: True, WAITING: True} and is_constrained()
