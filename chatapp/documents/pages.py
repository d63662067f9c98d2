"""The documents page, for administrators and curators. What it lists and changes goes over the API."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents.cuts import bounds
from chatapp.operations.first_run import sample_collection


@require_safe
@ensure_csrf_cookie
def documents(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    access.require_curator(user)
    groups = access.groups_at_home(user).order_by("name").values_list("name", flat=True)
    sample = sample_collection()
    context = {
        "groups": list(groups),
        "makes_collections": access.administers_any(user),
        "cut": bounds(),
        "sample": sample.pk if sample and sample.tenant == user.tenant else "",
    }
    return render(request, "documents.html", context)
