"""The cast of all tests: alice owns, bob is a member beside her, charlie is a stranger; and an administrator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from chatapp.accounts.models import User
from tests.redis_server import Redis


@dataclass(frozen=True)
class Cast:
    alice: User
    bob: User
    charlie: User
    administrator: User


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
    session["_auth_user_backend"] = "allauth.account.auth_backends.AuthenticationBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.create()
    assert session.session_key is not None
    return session.session_key


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
