"""The cast of all tests: alice owns, bob is a member beside her, charlie is a stranger; and an administrator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import Client
from django.utils import translation
from psycopg.errors import DeadlockDetected
from pytest_django import DjangoDbBlocker

from chatapp.accounts.models import User
from chatapp.directory.order import LOCAL
from chatapp.governance.later import later_lines
from chatapp.limits.budgets import budgeted
from chatapp.limits.rules import rules
from retrieval.versions.models import IndexServiceState
from tests.index.conftest import Service
from tests.redis_server import Redis


@dataclass(frozen=True)
class Cast:
    alice: User
    bob: User
    charlie: User
    administrator: User


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Between tests all tables are emptied, also the one that nobody may empty elsewhere."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_auditentry DISABLE TRIGGER audit_trail_is_kept")


@pytest.fixture(scope="session", autouse=True)
def tables_are_emptied_beside_readers() -> Iterator[None]:
    """Services that run through a test read while the tables are emptied behind it: Postgres then picks one to fail."""
    empty = DatabaseOperations.execute_sql_flush

    def empty_again(self: DatabaseOperations, sql_list: list[str]) -> None:
        for _ in range(4):
            try:
                return empty(self, sql_list)
            except OperationalError as error:
                if not isinstance(error.__cause__, DeadlockDetected):
                    raise
        return empty(self, sql_list)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", empty_again)
        yield


@pytest.fixture(autouse=True)
def lines_of_one_test_are_not_written_in_another() -> Iterator[None]:
    yield
    later_lines.cache_clear()


@pytest.fixture(autouse=True)
def limits_of_one_test_do_not_hold_in_another() -> None:
    """They are read once a second at most."""
    rules.forget()
    budgeted.forget()


@pytest.fixture(autouse=True)
def language_of_one_test_is_not_spoken_in_another() -> None:
    """A request leaves its thread in the language of its reader."""
    translation.deactivate()


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    owners, members = Group.objects.create(name="owners"), Group.objects.create(name="members")
    people = Cast(
        *(User.objects.create_user(name) for name in ("alice", "bob", "charlie")),
        User.objects.create_superuser("administrator"),
    )
    people.alice.groups.add(owners)
    people.bob.groups.add(members)
    return people


def signed_in_client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def signed_in_session(user: User) -> str:
    """-> the key of a session, as signing in leaves it in the cookie."""
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = LOCAL
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session["signed_in_at"] = time.time()
    session.create()
    assert session.session_key is not None
    return session.session_key


@pytest.fixture
def no_index_service(transactional_db: None) -> None:
    """One that runs for the tests of this process says every second what it holds, in the same tables. Whoever needs it
    starts it again."""
    for service in list(Service.running):
        service.stop()
    IndexServiceState.objects.all().delete()  # on a busy machine it ended before its row was gone


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """For one test, which may freeze and kill it."""
    redis = Redis(tmp_path)
    redis.start()
    yield redis
    redis.end()


@pytest.fixture
def redis_url(own_redis: Redis) -> str:
    return own_redis.url
