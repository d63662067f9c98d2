"""Who would be asked, given a question and who asks it: each engine in its order, with a sentence for why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth import get_user_model

from inference.administration import router
from inference.engine import Generation
from inference.engines.extractive import ExtractiveEngine
from inference.errors import InferenceError
from inference.models import Candidate, Route


@dataclass(frozen=True, slots=True)
class Step:
    engine: str
    asked: bool
    why: str


class WhatIf(forms.Form):
    question = forms.CharField(
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text="Its length and its language decide on some routes. It is not kept.",
    )
    route = forms.ModelChoiceField(
        Route.objects.filter(enabled=True),
        required=False,
        empty_label="the default route",
        help_text="The chat page asks the default one; programs choose by name.",
    )
    person = forms.ModelChoiceField(
        get_user_model().objects.filter(is_active=True).order_by("username"),
        help_text="Groups and shares hang on who asks: each person stays with one version.",
    )
    task = forms.ChoiceField(choices=Candidate.Task.choices, help_text="What is asked for.")
    in_house = forms.BooleanField(
        label="Something of it must stay in the house",
        required=False,
        help_text="As it is when a passage found, or one shown before in the conversation, is of a collection that "
        "stays in the house.",
    )

    def line(self) -> list[Step]:
        """Of a valid form."""
        try:
            explained = router.explain(self._generation())
        except InferenceError as error:
            self.add_error(None, f"{error.user_message} {error.advice}")
            return []
        steps, asked = [], 0
        for one in explained:
            name = "quotations" if one.engine == ExtractiveEngine.name else one.engine
            why = one.passed_by or ("It is asked when all before it fail." if asked else "It is asked first.")
            part = " The person is in the share of the roll-out's new version." if one.canary else ""
            steps.append(Step(name, not one.passed_by, why + part))
            asked += not one.passed_by
        return steps

    def _generation(self) -> Generation:
        values: dict[str, Any] = self.cleaned_data
        person = values["person"]
        return Generation(
            turn_id="explanation",
            question=values["question"],
            messages=(),
            asker=str(person.pk),
            in_house=values["in_house"],
            route=values["route"].name if values["route"] else "",
            task=values["task"],
            groups=frozenset(person.groups.values_list("pk", flat=True)),
        )
