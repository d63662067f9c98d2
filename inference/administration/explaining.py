"""Who would be asked, given a question and who asks it: each engine in its order, with a sentence for why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth import get_user_model
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference import seams
from inference.administration import router
from inference.engine import Generation
from inference.engines.extractive import ExtractiveEngine
from inference.errors import InferenceError
from inference.models import Candidate, Route

if TYPE_CHECKING:
    from inference.routing.router import Explained


@dataclass(frozen=True, slots=True)
class Step:
    engine: str
    asked: bool
    why: str


class WhatIf(forms.Form):
    question = forms.CharField(
        label=_("Question"),
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80}),
        help_text=_("Its length and its language decide on some routes. It is not kept."),
    )
    route = forms.ModelChoiceField(
        Route.objects.filter(enabled=True),
        label=_("Route"),
        required=False,
        empty_label=_("the default route"),
        help_text=_("The chat page asks the default one; programs choose by name."),
    )
    person = forms.ModelChoiceField(
        get_user_model().objects.filter(is_active=True).order_by("username"),
        label=_("Person"),
        help_text=_("Groups and shares hang on who asks: each person stays with one version."),
    )
    task = forms.ChoiceField(label=_("Task"), choices=Candidate.Task.choices, help_text=_("What is asked for."))
    in_house = forms.BooleanField(
        label=_("Something of it must stay in the house"),
        required=False,
        help_text=_(
            "As it is when a passage found, or one shown before in the conversation, is of a collection that "
            "stays in the house."
        ),
    )

    def line(self) -> list[Step]:
        """Of a valid form."""
        try:
            explained = router.explain(self._generation())
        except InferenceError as error:
            self.add_error(None, seams.said.given(f"{error.user_message} {error.advice}"))
            return []
        steps, asked = [], 0
        for one in explained:
            name = gettext("quotations") if one.engine == ExtractiveEngine.name else one.engine
            steps.append(Step(name, not one.passed_by, _why(one, asked)))
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


def _why(one: Explained, asked: int) -> str:
    """`asked`: engines before it that are asked."""
    in_turn = gettext("It is asked when all before it fail.") if asked else gettext("It is asked first.")
    why = seams.said.given(one.passed_by) if one.passed_by else in_turn
    part = gettext("The person is in the share of the roll-out's new version.") if one.canary else ""
    return " ".join(filter(None, (why, part)))
