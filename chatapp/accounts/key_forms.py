"""What a person says about a new key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings

from chatapp.accounts.keys import MOST_NAMES, Wanted
from chatapp.accounts.models import User
from chatapp.accounts.scopes import Action
from retrieval.models import Collection

_SHOWN = 500  # collections
_USUAL = (Action.ASK, Action.SEARCH, Action.READ)


class KeyForm(forms.Form):
    name = forms.CharField(max_length=100, label="Name", help_text="What it is for, such as “nightly reports”.")
    days = forms.IntegerField(min_value=1, max_value=36_500, required=False, label="Days until it ends")
    actions = forms.MultipleChoiceField(choices=Action.choices, widget=forms.CheckboxSelectMultiple, label="May")
    collections = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label="Only in these collections"
    )
    models = forms.CharField(required=False, max_length=2000, label="Only these models")
    signed = forms.BooleanField(required=False, label="Each request must be signed")

    def __init__(self, *args: Any, person: User, **options: Any) -> None:
        super().__init__(*args, **options)
        readable = Collection.objects.readable_by(person).order_by("name").values_list("pk", "name")[:_SHOWN]
        self.fields["collections"].choices = [(str(pk), name) for pk, name in readable]  # type: ignore[attr-defined]
        self.fields["actions"].initial = [str(one) for one in _USUAL]
        most = settings.API_KEY_DAYS_MOST
        self.fields["days"].max_value = most or 36_500  # type: ignore[attr-defined]
        self.fields["days"].widget.attrs["max"] = most or 36_500
        usual = min(settings.API_KEY_DAYS or most, most or settings.API_KEY_DAYS)
        self.fields["days"].initial = usual or None
        ends = f"{usual} are usual" if usual else "left empty, it does not end"
        self.fields["days"].help_text = f"At most {most}; {ends}." if most else f"{ends[0].upper()}{ends[1:]}."

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        names = [name.strip() for name in given["models"].split(",") if name.strip()]
        return Wanted(
            actions=given["actions"],
            collections=[UUID(one) for one in given["collections"][: MOST_NAMES + 1]] or None,
            models=names or None,
            days=given["days"],
            signed=given["signed"],
        )
