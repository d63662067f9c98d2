"""Names that would read as another organisation's: `anna@acme` and `acme/board` are of the one that is acme for short.

Names are one set for all, and each organisation but the house has a part of them to itself (boundaries.py). Nobody else
gets a name of that part: it would take it from them, and be taken for theirs.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from chatapp.errors import Invalid
from chatapp.organisations.models import Organisation

# Which normalising leaves as they are: division, fraction and big slash.
_SLASHES = str.maketrans(dict.fromkeys("\u2215\u2044\u29f8", "/"))


class NameOfAnother(Invalid):
    code = "name_of_another"
    user_message = "This name reads as one of another organisation."
    advice = "Choose a name that does not end with @ and its short name, nor begin with its short name and a slash."


def as_read(name: str) -> str:
    """With the signs that look like others as those, and without those that nobody sees (format characters)."""
    plain = unicodedata.normalize("NFKC", name).translate(_SLASHES)
    return "".join(sign for sign in plain if unicodedata.category(sign) != "Cf")


def require_person_name(name: str, organisation: UUID) -> None:
    """Raises NameOfAnother."""
    _require(as_read(name).rpartition("@"), 2, organisation)


def require_name_within(name: str, organisation: UUID) -> None:
    """Of groups and word lists. Raises NameOfAnother."""
    _require(as_read(name).partition("/"), 0, organisation)


def _require(parts: tuple[str, str, str], which: int, organisation: UUID) -> None:
    part = parts[which].strip()
    if not parts[1] or not part or "." in part:  # no short name has a dot: addresses cost no query
        return
    if Organisation.objects.filter(slug__iexact=part).exclude(pk=organisation).exists():
        raise NameOfAnother


def is_in_use(slug: str) -> bool:
    """Whether names of somebody else would read as those of an organisation with this short name."""
    from chatapp.safety.models import WordList

    people = get_user_model().objects.filter(username__iendswith=f"@{slug}")
    named = (model.objects.filter(name__istartswith=f"{slug}/") for model in (Group, WordList))
    return people.exists() or any(one.exists() for one in named)


def check_person(instance: Any, update_fields: Iterable[str] | None = None, raw: bool = False, **_: Any) -> None:
    """Whatever door makes or names an account; who has a name already keeps it, also where they are moved to."""
    if raw or "@" not in as_read(instance.username) or (update_fields is not None and "username" not in update_fields):
        return
    try:
        require_person_name(instance.username, instance.organisation_id)
    except NameOfAnother:
        if not type(instance)._base_manager.filter(pk=instance.pk, username=instance.username).exists():
            raise


def check_group(instance: Group, raw: bool = False, **_: Any) -> None:
    """As of accounts."""
    from chatapp.organisations.places import home_of

    if raw or "/" not in as_read(instance.name):
        return
    try:
        require_name_within(instance.name, home_of(instance))
    except NameOfAnother:
        if not Group.objects.filter(pk=instance.pk, name=instance.name).exists():
            raise
