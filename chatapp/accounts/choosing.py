"""A field of the administration that finds a person, a group or a key as one types."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.http import HttpRequest


class Chooser(AutocompleteSelect):
    """Of what was sent, only what can be a key is looked for: Django's own fails where it is no number of that kind."""

    def optgroups(self, name: str, value: Any, attrs: Any = None) -> Any:
        return super().optgroups(name, [one for one in value if self._can_be(one)], attrs)

    def _can_be(self, value: Any) -> bool:
        try:
            self.field.target_field.to_python(value)
        except ValidationError:
            return False
        return True


class Choosing:
    """Mixed into a ModelAdmin, before it."""

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any, Any], request: HttpRequest, **values: Any) -> Any:
        if db_field.name in self.autocomplete_fields:  # type: ignore[attr-defined]
            values.setdefault("widget", Chooser(db_field, admin.site))
        return super().formfield_for_foreignkey(db_field, request, **values)  # type: ignore[misc]
