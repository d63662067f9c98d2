"""The doors of SCIM 2.0: /scim/v2/."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from chatapp.errors import NotFound
from chatapp.json_body import read_object
from chatapp.scim import answers, discovery, filters, groups, names, paging, people
from chatapp.scim.door import door
from chatapp.scim.models import Person, ProvisionedGroup, ProvisioningClient
from chatapp.scim.profiles import (
    Members,
    Profile,
    members_of,
    patched_members,
    patched_profile,
    profile_of,
)
from chatapp.signon.oidc import absolute


@door("GET", "POST")
def users(request: HttpRequest, client: ProvisioningClient) -> HttpResponse:
    if request.method == "POST":
        return _person(request, people.create(client, profile_of(read_object(request))), 201)
    page = paging.asked(request)
    rows = people.listed(client).order_by("created_at", "pk")
    if wanted := request.GET.get("filter"):
        rows = rows.filter(filters.parsed(wanted, filters.PERSON, {"username": partial(names.stored_person, client)}))
    found = list(rows[page.slice])
    theirs = people.groups_of_each(client, found)
    shown = [answers.narrowed(request, answers.person(request, row, theirs[row.pk])) for row in found]
    return answers.listed(shown, rows.count(), page.start)


@door("GET", "PUT", "PATCH", "DELETE")
def user(request: HttpRequest, client: ProvisioningClient, number: UUID) -> HttpResponse:
    if request.method == "GET":
        return _person(request, people.get(client, number))
    if request.method == "DELETE":
        people.delete(client, number)
        return HttpResponse(status=204)
    body = read_object(request)

    def how(before: Profile) -> Profile:
        return profile_of(body, before) if request.method == "PUT" else patched_profile(before, body)

    return _person(request, people.change(client, number, how, expected=_expected(request)))


@door("GET", "POST")
def all_groups(request: HttpRequest, client: ProvisioningClient) -> HttpResponse:
    if request.method == "POST":
        return _group(request, groups.create(client, members_of(read_object(request))), 201)
    page = paging.asked(request)
    rows = groups.listed(client).order_by("created_at", "pk")
    if wanted := request.GET.get("filter"):
        rows = rows.filter(filters.parsed(wanted, filters.GROUPS, {"displayname": partial(names.stored_group, client)}))
    found = list(rows[page.slice])
    known = groups.members_of_each(found)
    shown = [answers.narrowed(request, answers.group(request, row, known[row.pk])) for row in found]
    return answers.listed(shown, rows.count(), page.start)


@door("GET", "PUT", "PATCH", "DELETE")
def group(request: HttpRequest, client: ProvisioningClient, number: UUID) -> HttpResponse:
    if request.method == "GET":
        return _group(request, groups.get(client, number))
    if request.method == "DELETE":
        groups.delete(client, number)
        return HttpResponse(status=204)
    body = read_object(request)

    def how(before: Members) -> Members:
        return members_of(body) if request.method == "PUT" else patched_members(before, body)

    return _group(request, groups.change(client, number, how, expected=_expected(request)))


@door("GET")
def config(request: HttpRequest, client: ProvisioningClient) -> HttpResponse:
    return answers.answer(discovery.config(_base(request)))


@door("GET")
def resource_types(request: HttpRequest, client: ProvisioningClient, name: str = "") -> HttpResponse:
    return _described(request, discovery.resource_types, name)


@door("GET")
def schemas(request: HttpRequest, client: ProvisioningClient, name: str = "") -> HttpResponse:
    return _described(request, discovery.schemas, name)


@door("GET", "POST", "PUT", "PATCH", "DELETE")
def nothing(request: HttpRequest, client: ProvisioningClient, rest: str) -> HttpResponse:
    """`/Me`, `/Bulk` and searches by POST among it."""
    raise NotFound


def _described(request: HttpRequest, tell: Callable[[str], list[dict[str, Any]]], name: str) -> HttpResponse:
    told = tell(_base(request))
    if not name:
        return answers.listed(told, len(told), 1)
    found = next((one for one in told if one["id"] == name), None)
    if found is None:
        raise NotFound
    return answers.answer(found)


def _person(request: HttpRequest, row: Person, status: int = 200) -> HttpResponse:
    theirs = people.groups_of_each(row.client, [row])[row.pk]
    return _shown(request, answers.person(request, row, theirs), status)


def _group(request: HttpRequest, row: ProvisionedGroup, status: int = 200) -> HttpResponse:
    return _shown(request, answers.group(request, row, groups.members(row)), status)


def _shown(request: HttpRequest, shown: answers.Shown, status: int) -> HttpResponse:
    version = shown["meta"]["version"]
    if request.method == "GET" and version in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers={"ETag": version})
    return answers.answer(answers.narrowed(request, shown), status)


def _expected(request: HttpRequest) -> str:
    return request.headers.get("If-Match", "")


def _base(request: HttpRequest) -> str:
    return absolute(request, reverse("scim_users")).removesuffix("/Users")
