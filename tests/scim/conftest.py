"""A directory that provisions, as Okta and Entra ID do: over HTTP, with a token."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.test import Client

from chatapp.accounts.models import User
from chatapp.scim import tokens
from chatapp.scim.models import ProvisioningClient
from chatapp.scim.shapes import MEDIA_TYPE, PATCH


@dataclass
class Directory:
    client: ProvisioningClient
    token: str

    def ask(self, method: str, place: str, body: Any = None, **headers: str) -> Any:
        sent = body if isinstance(body, str) else json.dumps(body) if body is not None else ""
        headers = {"Authorization": f"Bearer {self.token}", **headers}
        return Client().generic(method, f"/scim/v2/{place}", sent, MEDIA_TYPE, headers=headers)

    def make(self, name: str = "dana@example.com", **more: Any) -> str:
        """-> the id"""
        answer = self.ask("POST", "Users", {"schemas": [], "userName": name, "externalId": f"ext-{name}", **more})
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def make_group(self, name: str, *members: str) -> str:
        answer = self.ask("POST", "Groups", {"displayName": name, "members": [{"value": one} for one in members]})
        assert answer.status_code == 201, answer.content
        return str(answer.json()["id"])

    def patch(self, place: str, *operations: dict[str, Any]) -> Any:
        return self.ask("PATCH", place, {"schemas": [PATCH], "Operations": list(operations)})

    def members(self, group: str) -> set[str]:
        return {one["value"] for one in self.ask("GET", f"Groups/{group}").json()["members"]}


def directory_of(name: str, administrator: User, **more: Any) -> Directory:
    client = ProvisioningClient.objects.create(name=name, **more)
    return Directory(client, tokens.make(client=client, days=30, by=administrator).token)


def user_of(number: str) -> User:
    return User.objects.get(pk=UUID(number))


@pytest.fixture
def boss(db: None) -> User:
    cache.clear()
    return User.objects.create_superuser("boss", "boss@example.com")


@pytest.fixture
def directory(boss: User) -> Directory:
    return directory_of("Directory", boss)
