"""Doors of widgets: the script of one tag, the page of its frame, where signing in ends, and leaving a chat."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from chatapp.content_security import framed_by
from chatapp.errors import Invalid, NotFound
from chatapp.json_body import read_object
from chatapp.widget import services, tickets
from chatapp.widget.models import Widget

_KEPT_S = 600  # so soon a new version of the script is everywhere


@require_safe
def loader(request: HttpRequest) -> HttpResponse:
    """The same for everybody, and for pages of any site: it holds nothing of anybody."""
    response = HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={_KEPT_S}"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response["Access-Control-Allow-Origin"] = "*"
    return response


@cache
def _script() -> bytes:
    found = finders.find("js/widget.js")
    if found is None:
        raise NotFound
    return Path(found).read_bytes()


@require_safe
@never_cache
@xframe_options_exempt
def frame(request: HttpRequest, key: str) -> HttpResponse:
    """For a page of a listed origin. What it says without a ticket's socket is what the widget shows to everybody."""
    origin = request.GET.get("from", "")
    widget = services.find(key, origin)
    if widget is None:
        raise NotFound
    # Browsers that do not say it are taken for those that carry the session; the socket finds out.
    elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
    response = render(request, "widget/frame.html", _shown(widget, origin, elsewhere))
    response["Content-Security-Policy"] = framed_by(widget.origin_list)
    return response


def _shown(widget: Widget, origin: str, elsewhere: bool) -> dict[str, object]:
    return {
        "widget": widget,
        "origin": origin,
        "title": widget.title or settings.SITE_NAME,
        "ticket": tickets.issue(widget, origin),
        "subprotocol": tickets.SUBPROTOCOL,
        "elsewhere": elsewhere,
        "question_characters": settings.QUESTION_CHARACTERS,
    }


@never_cache
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """Behind the sign-in that a frame offered in a window of its own."""
    return render(request, "widget/done.html")


@csrf_exempt  # no cookie counts here: the ticket says whose the chat is
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    body = read_object(request)
    ticket = tickets.read(str(body.get("ticket", "")))
    try:
        conversation = UUID(str(body.get("conversation", "")))
    except ValueError:
        raise Invalid("`conversation` must be an id.") from None
    if ticket is None or not services.leave(ticket, conversation):
        raise NotFound
    return HttpResponse(status=204)
