"""Pages of our own in the administration. Those of retrieval use them too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from django import forms
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import AdminForm
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

from inference.administration.superusers import require_superuser

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Fieldsets = list[tuple[Any, dict[str, Any]]]
_Row = TypeVar("_Row", bound=Model)


def found_row(page: ModelAdmin[_Row], request: HttpRequest, pk: object) -> _Row:
    """For superusers; what is not there is a 404."""
    require_superuser(request)
    row = page.get_object(request, str(pk))
    if row is None:
        raise Http404
    return row


def context_of(page: ModelAdmin[Any], request: HttpRequest, title: StrOrPromise) -> dict[str, Any]:
    """What `admin/own_page.html` shows around the content."""
    return {**page.admin_site.each_context(request), "opts": page.opts, "title": title, "media": page.media}


def form_page(
    page: ModelAdmin[Any],
    request: HttpRequest,
    form: forms.BaseForm,
    title: StrOrPromise,
    button: StrOrPromise,
    *,
    fieldsets: Fieldsets | None = None,
    method: Literal["get", "post"] = "post",
) -> TemplateResponse:
    """A form that is no model's, looking as those do."""
    shown = fieldsets or [(None, {"fields": list(form.fields)})]
    context = context_of(page, request, title) | {
        "form": form,
        "adminform": AdminForm(form, shown, {}),  # type: ignore[arg-type]  # any form does
        "button": button,
        "method": method,
    }
    return TemplateResponse(request, "admin/form_page.html", context)
