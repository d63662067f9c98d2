"""Model cards, for everybody who is signed in."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chatapp.errors import NotFound
from chatapp.operations import model_cards


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    _require_person(request)
    return render(request, "model_cards/list.html", {"cards": model_cards.cards()})


@require_safe
def model(request: HttpRequest) -> HttpResponse:
    _require_person(request)
    card = model_cards.of_engine(request.GET.get("engine", "")[:300])
    return render(request, "model_cards/card.html", {"card": card})


@require_safe
def filters(request: HttpRequest) -> HttpResponse:
    _require_person(request)
    return render(request, "model_cards/filters.html", {"text": model_cards.filters_as_html()})


def _require_person(request: HttpRequest) -> None:
    """Raises NotFound. Strangers do not come so far."""
    if not (request.user.is_authenticated and request.user.is_active):
        raise NotFound
