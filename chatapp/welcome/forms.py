"""What the pages ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from inference import pulling
from inference.endpoints import KEY_SENTENCE
from inference.models.versions import KEY_NAME
from retrieval.models import Collection

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    _Text = str | _StrPromise
    UserFormBase = forms.ModelForm[User]
else:
    UserFormBase = forms.ModelForm

_LONGEST_KEY = 4000  # characters
_NO_SPELLING = {"spellcheck": "false", "autocomplete": "off", "dir": "ltr"}


def _line(
    *, most: int, label: _Text, help_text: _Text = "", required: bool = True, example: str = ""
) -> forms.CharField:
    attributes = _NO_SPELLING | ({"placeholder": example} if example else {})
    return forms.CharField(
        max_length=most, label=label, required=required, help_text=help_text, widget=forms.TextInput(attributes)
    )


class PersonForm(UserFormBase):
    email = forms.EmailField(label=_("E-mail address"), max_length=254, help_text=_("One can sign in with it as well."))

    class Meta:
        model = User
        fields = ("first_name", "last_name", "email")


class DownloadForm(forms.Form):
    repository = _line(
        most=200,
        label=_("Repository"),
        example="OWNER/REPOSITORY",
        help_text=_("As the head of its page names it; repositories with GGUF files often end in -GGUF."),
    )
    file = _line(
        most=400,
        label=_("File"),
        example="FILE.gguf",
        help_text=_("A single file in the GGUF format; Q4_K_M is a good size to begin with."),
    )
    sha256 = _line(
        most=80, label="SHA-256", required=False, help_text=_("Left empty, the sum that the hub names is checked.")
    )

    def source(self) -> str:
        """Whatever else was pasted is refused where it is asked for."""
        given = self.cleaned_data
        return f"hub:{given['repository'].strip('/')}/{given['file'].lstrip('/')}"[: pulling.MOST_CHARACTERS + 1]


class EndpointForm(forms.Form):
    base_url = _line(most=500, label=_("Address"), example="https://models.example.com/v1", help_text=_("Up to /v1."))
    model = _line(most=200, label=_("Model"), help_text=_("By the name that it has there."))
    key_name = forms.CharField(
        max_length=80,
        label=_("Setting of its key"),
        required=False,
        validators=[RegexValidator(f"^{KEY_NAME}$", _(KEY_SENTENCE))],
        widget=forms.TextInput(_NO_SPELLING | {"placeholder": "INFERENCE_KEY_…", "list": "key-names"}),
        help_text=_("Footnote stores no key of a model: it stands in a setting of this name. Empty: it needs none."),
    )
    key = forms.CharField(
        max_length=_LONGEST_KEY,
        label=_("The key, for the test"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Only where the setting is not there yet. It is used for this one test and not kept."),
    )
    where = forms.ChoiceField(
        label=_("It runs"),
        choices=[("", _("as its address tells")), ("outside", _("outside this house")), ("inside", _("in this house"))],
        required=False,
        help_text=_("What stays in the house never goes to an endpoint outside."),
    )
    name = _line(most=120, label=_("Name"), required=False, help_text=_("As people see it. Empty: the model's."))

    def names_its_key(self) -> bool:
        """False, and it is said: a key that is typed is not kept, so that nothing would be asked with it."""
        if self.cleaned_data["key"] and not self.cleaned_data["key_name"]:
            self.add_error(
                "key_name", _("Name the setting that will hold the key: the one that was typed is not kept.")
            )
            return False
        return True

    def given(self) -> dict[str, Any]:
        outside = {"outside": True, "inside": False}.get(self.cleaned_data["where"])
        return self.cleaned_data | {"outside": outside}


class CollectionForm(forms.Form):
    name = forms.CharField(
        max_length=100, label=_("Name"), widget=forms.TextInput({"autocomplete": "off", "dir": "auto"})
    )
    who = forms.ChoiceField(
        label=_("Who may read it"),
        choices=[
            ("everyone", _("Everyone who can sign in")),
            ("groups", _("The groups chosen below")),
            ("administrators", _("Those who look after it alone")),
        ],
        initial="everyone",
        widget=forms.RadioSelect,
    )
    groups = forms.MultipleChoiceField(label=_("Groups"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, groups: list[str], data: Any = None) -> None:
        super().__init__(data)
        self.fields["groups"].choices = [(name, name) for name in groups]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("who") == "groups" and not values.get("groups") and "groups" not in self.errors:
            self.add_error("groups", _("Choose a group, or somebody else who may read it."))
        return values

    def wishes(self) -> dict[str, Any]:
        who = self.cleaned_data["who"]
        readers = self.cleaned_data["groups"] if who == "groups" else []
        return {"name": self.cleaned_data["name"], "everyone": who == "everyone", "readers": readers}


class ChoiceForm(forms.Form):
    collection = forms.ModelChoiceField(Collection.objects.none(), label=_("Collection"), empty_label=None)

    def __init__(self, collections: Any, data: Any = None) -> None:
        super().__init__(data)
        self.fields["collection"].queryset = collections  # type: ignore[attr-defined]
