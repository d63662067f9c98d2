"""The pages on which curators read what people sent, and see to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.feedback import curating
from chatapp.feedback.choosing import Choice, State, chosen, place_of
from chatapp.feedback.errors import ChangedMeanwhile
from chatapp.feedback.models import NOTE_CHARACTERS, Rating
from chatapp.feedback.showing import entries

A_PAGE = 20
_WITH = ("message__conversation", "message__parent", "handled__by")


@never_cache
@require_safe
def feedback(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    access.require_curator(user)
    choice = Choice.of(request.GET)
    rows = list(chosen(user, choice).select_related(*_WITH)[: A_PAGE + 1])
    older = choice.query(before=place_of(rows[A_PAGE - 1])) if len(rows) > A_PAGE else ""
    context = {
        "entries": entries(user, rows[:A_PAGE]),
        "older": older,
        "newest": choice.query(before="") if choice.before else "",
        "tabs": [(state, choice.query(state=state, before="")) for state in State],
        "collections": access.looked_after_and_read(user).order_by("name"),
        "done": _done(user, request.GET.get("done", "")),
        **_kept(choice),
    }
    return render(request, "feedback/list.html", context)


@never_cache
@require_safe
def entry(request: HttpRequest, pk: int) -> HttpResponse:
    return _one(request, pk)


@require_POST
def handle(request: HttpRequest, pk: int) -> HttpResponse:
    user, note = cast(User, request.user), request.POST.get("note", "")
    try:
        curating.handle(pk=pk, by=user, seen=request.POST.get("seen", ""), note=note)
    except ChangedMeanwhile as problem:
        return _one(request, pk, problem, note)
    return _back(Choice.of(request.GET), f"done={pk}")


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        curating.reopen(pk=pk, by=cast(User, request.user), seen=request.POST.get("seen", ""))
    except ChangedMeanwhile as problem:
        return _one(request, pk, problem)
    return _back(Choice.of(request.GET))


def _one(request: HttpRequest, pk: int, problem: ChangedMeanwhile | None = None, note: str = "") -> HttpResponse:
    """As it is now; after a clash with the note that was not kept."""
    user = cast(User, request.user)
    row = access.get_feedback(user, pk, *_WITH)
    (shown,) = entries(user, [row])
    context = {"one": shown, "alone": True, "problem": problem, "unkept": note, **_kept(Choice.of(request.GET))}
    return render(request, "feedback/one.html", context, status=problem.http_status if problem else 200)


def _kept(choice: Choice) -> Mapping[str, Any]:
    return {"choice": choice, "here": choice.query(), "most": NOTE_CHARACTERS}


def _done(user: User, given: str) -> Rating | None:
    """What was handled a moment ago, to be undone where that was a slip."""
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        return None
    try:
        row = access.get_feedback(user, int(given), "handled")
    except NotFound:
        return None
    return row if hasattr(row, "handled") else None


def _back(choice: Choice, more: str = "") -> HttpResponse:
    query = choice.query()
    if more:
        query += f"{'&' if query else '?'}{more}"
    return redirect(f"{reverse('feedback')}{query}")
