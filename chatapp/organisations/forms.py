"""What forms of the administration ask so that nothing is brought together that is of two organisations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import Group

from chatapp.organisations.boundaries import name_within, organisation_of, person_name
from chatapp.organisations.models import Organisation
from retrieval.models import Collection
from retrieval.tenants import HOUSE

ELSEWHERE = "This is of another organisation."


def require_together(form: forms.BaseForm, names: tuple[str, ...], home: UUID | None = None) -> None:
    """All that these fields name is of one organisation: of `home`, where that is given."""
    for name in names:
        given = form.cleaned_data.get(name)
        for thing in given if name in ("groups", "readers") and given is not None else [given]:
            if thing is None:
                continue
            home = home or organisation_of(thing)
            if organisation_of(thing) != home:
                form.add_error(name, ELSEWHERE)
                break


class Within:
    """Mixed into a form, before it. `home`: the organisation of whoever fills it in and looks after no other one."""

    home: UUID = HOUSE

    def _get_validation_exclusions(self) -> set[str]:
        """It is not asked for, and part of what must be unique."""
        found: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return found - {"organisation"}


class PersonWithin(Within):
    """Names of its people end with its short name, so that nobody learns whom others have."""

    cleaned_data: dict[str, Any]

    def clean_username(self) -> str:
        self.cleaned_data["username"] = person_name(self.cleaned_data["username"], self.home)
        before = getattr(super(), "clean_username", None)
        return before() if before else self.cleaned_data["username"]


class PlacedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks those who run Footnote, when something is made, for which organisation. Others are not shown the field."""

    organisation = forms.ModelChoiceField(Organisation.objects.all(), empty_label=None)

    def __init__(self, *parts: Any, **named: Any) -> None:
        super().__init__(*parts, **named)
        field = self.fields.get("organisation")
        if field is not None:
            field.initial = organisation_of(self.instance) if self.instance.pk else HOUSE
            field.disabled = not self.instance._state.adding

    def chosen_home(self) -> UUID:
        """Where it is, or is about to be; `home` is that of whoever is not asked."""
        if not self.instance._state.adding:
            return organisation_of(self.instance) or HOUSE
        chosen = self.cleaned_data.get("organisation")
        found: UUID = chosen.pk if chosen else getattr(self, "home", HOUSE)
        return found


class GroupForm(PlacedForm):
    class Meta:
        model = Group
        fields = ("organisation", "name")

    def clean_name(self) -> str:
        return name_within(self.cleaned_data["name"], self.chosen_home())


class CollectionForm(PlacedForm):
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        home = self.chosen_home()
        require_together(self, ("readers",), home)
        same = Collection.objects.filter(tenant=home, name=given.get("name", "")).exclude(pk=self.instance.pk)
        if same.exists():
            self.add_error("name", "There is a collection of this name already.")
        return given
