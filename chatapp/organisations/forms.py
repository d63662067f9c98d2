"""What forms of the administration ask so that nothing is brought together that is of two organisations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _

from chatapp.errors import Invalid
from chatapp.languages.said import said
from chatapp.organisations.boundaries import name_within, organisation_of, person_name
from chatapp.organisations.models import Organisation
from chatapp.organisations.names import NameOfAnother, require_name_within, require_person_name
from retrieval.models import Collection
from retrieval.tenants import HOUSE

ELSEWHERE = _("This is of another organisation.")


def told(error: Invalid) -> forms.ValidationError:
    return forms.ValidationError(said(f"{error.user_message} {error.advice}"))


def own_name(name: str, home: UUID, *, before: str) -> str:
    """As it is stored; one that was there stays. Raises ValidationError."""
    stored = name_within(name, home)
    try:
        if stored != before:
            require_name_within(stored, home)
    except NameOfAnother as error:
        raise told(error) from None
    return stored


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


class ForAny:
    """Mixed into a form of those who run Footnote, before it. `maker`: where what they make is."""

    maker: UUID = HOUSE


class Within:
    """Mixed into a form, before it. `home`: the organisation of whoever fills it in and looks after no other one."""

    home: UUID = HOUSE
    for_any: type[ForAny] | None = None  # what those who look after all are asked instead

    def _get_validation_exclusions(self) -> set[str]:
        """It is not asked for, and part of what must be unique."""
        found: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return found - {"organisation"}


class PersonOfAny(ForAny):
    """No name that would be taken for one of another organisation."""

    cleaned_data: dict[str, Any]
    changed_data: list[str]
    instance: Any

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}  # type: ignore[misc]
        name, owner = given.get("username"), given.get("owner")
        if name and "username" in self.changed_data:
            new = owner.tenant if owner else self.maker
            home = new if self.instance._state.adding else self.instance.organisation_id
            try:
                require_person_name(name, home)
            except NameOfAnother as error:
                self.add_error("username", told(error))  # type: ignore[attr-defined]
        return given


class PersonWithin(Within):
    """Names of its people end with its short name, so that nobody learns whom others have."""

    for_any = PersonOfAny
    cleaned_data: dict[str, Any]

    def clean_username(self) -> str:
        self.cleaned_data["username"] = person_name(self.cleaned_data["username"], self.home)
        before = getattr(super(), "clean_username", None)
        return before() if before else self.cleaned_data["username"]


class PlacedForm(forms.ModelForm):  # type: ignore[type-arg]
    """Asks those who run Footnote, when something is made, for which organisation. Others are not shown the field."""

    organisation = forms.ModelChoiceField(Organisation.objects.all(), label=_("Organisation"), empty_label=None)

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
        return own_name(self.cleaned_data["name"], self.chosen_home(), before=self.instance.name)


class CollectionForm(PlacedForm):
    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        home = self.chosen_home()
        require_together(self, ("readers",), home)
        same = Collection.objects.filter(tenant=home, name=given.get("name", "")).exclude(pk=self.instance.pk)
        if same.exists():
            self.add_error("name", _("There is a collection of this name already."))
        return given
