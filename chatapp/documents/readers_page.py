"""The page that says who can read a collection or a document, and whether somebody can, and why."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents import readership
from chatapp.documents.listing import page_number
from chatapp.documents.readership import ReadersPage, Subject
from retrieval.models import Collection, Document


@never_cache
@require_safe
def of_collection(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _page(request, access.get_collection_to_curate(cast(User, request.user), pk))


@never_cache
@require_safe
def of_document(request: HttpRequest, pk: UUID) -> HttpResponse:
    return _page(request, access.get_document_to_curate(cast(User, request.user), pk))


def _page(request: HttpRequest, of: Collection | Document) -> HttpResponse:
    subject = Subject.of(of)
    name, person = (request.GET.get(field, "").strip()[: readership.NAME_CHARACTERS] for field in ("name", "person"))
    page = readership.readers_page(subject, name=name, number=page_number(request.GET))
    context = {
        "of": of,
        "subject": subject,
        "groups": readership.groups_shown(subject),
        "page": page,
        "name": name,
        "person": person,
        "asked": readership.asked_about(cast(User, request.user), subject, person),
        "most": readership.MOST_ASKED_ABOUT,
        "back": reverse("document_page", args=[of.pk]) if isinstance(of, Document) else f"/documents/#{of.pk}",
        **_ways(page, {"name": name, "person": person}),
    }
    return render(request, "readers.html", context)


def _ways(page: ReadersPage, kept: dict[str, str]) -> dict[str, str]:
    def to(number: int) -> str:
        return "?" + urlencode({**{field: value for field, value in kept.items() if value}, "page": number})

    return {
        "before": to(page.number - 1) if page.number > 1 else "",
        "after": to(page.number + 1) if page.number < page.pages else "",
    }
