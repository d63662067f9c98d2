"""Collections in the administration, with a line in the audit trail for each change of who and what reads them."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.forms import ModelMultipleChoiceField
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents.source_admin import SourceAdmin as SourceAdmin
from chatapp.documents.version_admin import IndexVersionAdmin as IndexVersionAdmin
from chatapp.governance.services import record
from chatapp.languages.said import said
from chatapp.organisations.forms import CollectionForm
from chatapp.roles.administration import OfCurators
from inference.administration.changes import changed
from inference.administration.superusers import is_superuser
from retrieval.admin import SHOWN, CollectionAdmin, DocumentAdmin
from retrieval.models import Collection, Document, DocumentQuerySet

admin.site.unregister((Collection, Document))


@admin.register(Collection)
class AuditedCollectionAdmin(OfCurators, CollectionAdmin):
    of_collection = "pk"
    form = CollectionForm

    def has_add_permission(self, request: HttpRequest) -> bool:
        return access.administers_any(request.user)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **more: Any) -> Any:
        """Readers are groups of its organisation, and no others are named."""
        user = cast(User, request.user)
        hidden = {} if is_superuser(request) else {"organisation": None}
        form = super().get_form(request, obj, change=change, **more)
        form = type(form.__name__, (form,), {"home": user.tenant, **hidden})
        if "readers" in form.base_fields:
            readers = access.shown_groups(user) if obj is None else access.groups_beside(obj)
            cast("ModelMultipleChoiceField[Any]", form.base_fields["readers"]).queryset = readers
        return form

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = [one for one in super().get_fields(request, obj) if one != "organisation"]
        return ["organisation", *found] if is_superuser(request) else found

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:
        if not change:
            obj.tenant = form.chosen_home()
        super().save_model(request, obj, form, change)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What may leave the house is the house's to say."""
        return () if is_superuser(request) else ("stays_in_house",)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """In the transaction of the page, once the readers are stored as well."""
        super().save_related(request, form, formsets, change)
        different = changed(form, change=change)
        if different:
            different.pop("organisation", None)  # the line itself is of it
            actor = request.user if isinstance(request.user, User) else None
            action = "collection.changed" if change else "collection.added"
            record(action, str(form.instance), actor, organisation=form.instance.tenant, **different)


@admin.register(Document)
class CuratedDocumentAdmin(OfCurators, DocumentAdmin):
    """To look at."""

    readonly_fields = ("why", *SHOWN)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        found = [one for one in super().get_fields(request, obj) if one != "why"]
        return ["why" if one == "error" else one for one in found]

    @admin.display(description=_("error"))
    def why(self, document: Document) -> str:
        return said(document.error) or "–"

    def get_queryset(self, request: HttpRequest) -> DocumentQuerySet:
        return Document.objects.filter(**self._theirs(request))
