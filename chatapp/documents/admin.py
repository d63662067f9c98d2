"""Collections in the administration, with a line in the audit trail for each change of who and what reads them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from chatapp.accounts.models import User
from chatapp.governance.services import record
from inference.administration.changes import changed
from retrieval.admin import CollectionAdmin
from retrieval.models import Collection

admin.site.unregister(Collection)


@admin.register(Collection)
class AuditedCollectionAdmin(CollectionAdmin):
    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """In the transaction of the page, once the readers are stored as well."""
        super().save_related(request, form, formsets, change)
        if different := changed(form, change=change):
            actor = request.user if isinstance(request.user, User) else None
            record("collection.changed" if change else "collection.added", str(form.instance), actor, **different)
