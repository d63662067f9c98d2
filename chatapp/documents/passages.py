"""The page that shows curators how a document was cut, and how other settings would cut it."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from chatapp import access
from chatapp.accounts.models import User
from retrieval.cutting.preview import Preview, stored_cut, trial_cut
from retrieval.cutting.settings import LEAST_TOKENS, bounded, settings_of
from retrieval.embedders.tokenizer import most_tokens
from retrieval.errors import RetrievalError
from retrieval.models import Document
from retrieval.versions.current import serving

SHOWN = 40  # passages on a page


class CutForm(forms.Form):
    tokens = forms.IntegerField(label=gettext_lazy("Tokens, at most"))
    overlap = forms.IntegerField(label=gettext_lazy("Tokens repeated"))
    start = forms.IntegerField(required=False, min_value=0, max_value=10_000_000)

    def __init__(self, model: str, *given: object) -> None:
        super().__init__(*given)  # type: ignore[arg-type]  # the data, where there is any
        most = most_tokens(model)
        for name, least, largest in (("tokens", LEAST_TOKENS, most), ("overlap", 0, most // 2)):
            field = cast(forms.IntegerField, self.fields[name])
            field.min_value, field.max_value = least, largest
            field.widget.attrs.update(min=least, max=largest, inputmode="numeric")
            field.help_text = f"{least}–{largest}"  # a dash: it reads the same in every language and direction
            field.validators += forms.IntegerField(min_value=least, max_value=largest).validators

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or self.cleaned_data
        tokens, overlap = given.get("tokens"), given.get("overlap")
        if tokens is not None and overlap is not None and overlap > tokens // 2:
            self.add_error("overlap", f"At most half of the tokens may be repeated: {tokens // 2}.")
        return given


@require_GET
def passages(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    document = access.get_document_to_curate(user, pk)
    model = serving().embedding_model
    asked = "tokens" in request.GET or "overlap" in request.GET
    form = CutForm(model, request.GET) if asked else CutForm(model)
    problem: RetrievalError | None = None
    shown: Preview | None = None
    begin = _begin(request)
    try:
        if asked and form.is_valid():
            how = bounded(form.cleaned_data["tokens"], form.cleaned_data["overlap"], model)
            shown = trial_cut(document, how, begin, SHOWN)
        elif not asked:
            shown = stored_cut(document, begin, SHOWN)
    except RetrievalError as error:
        problem = error
    context = _context(request, document, shown, begin)
    own = settings_of(document.collection, model)
    context |= {"form": form, "problem": problem, "tried": asked, "own": own}
    if not asked:
        form.initial = {"tokens": own.tokens, "overlap": own.overlap}
    return render(request, "passages.html", context, status=problem.http_status if problem else 200)


def _begin(request: HttpRequest) -> int:
    start = request.GET.get("start", "0")
    return int(start) if start.isascii() and start.isdigit() and len(start) < 9 else 0


def _context(request: HttpRequest, document: Document, shown: Preview | None, begin: int) -> dict[str, object]:
    def page_from(start: int) -> str:
        kept = {name: request.GET[name] for name in ("tokens", "overlap") if name in request.GET}
        return "?" + urlencode(kept | {"start": str(start)})

    total = shown.total if shown else 0
    return {
        "document": document,
        "shown": shown,
        "first": begin + 1,
        "last": min(begin + SHOWN, total),
        "earlier": page_from(max(begin - SHOWN, 0)) if begin else "",
        "later": page_from(begin + SHOWN) if begin + SHOWN < total else "",
    }
