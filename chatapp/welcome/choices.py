"""What an administrator chooses on the way, each with its line in the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.documents.services import create_collection
from chatapp.errors import NotFound
from chatapp.governance.services import record
from chatapp.operations.first_run import sample_collection
from chatapp.welcome.models import Setup, current
from retrieval.models import Collection


@transaction.atomic
def model_later(*, by: User) -> None:
    if _change(model_later=True):
        record("setup.model_later", "Set-up", by)


@transaction.atomic
def leave(*, by: User) -> None:
    """The pages do not open by themselves any more. Twice is once."""
    current()
    if Setup.objects.filter(left_at=None).update(left_at=timezone.now()):
        record("setup.left", "Set-up", by)


@transaction.atomic
def make_collection(*, by: User, **wishes: Any) -> Collection:
    """Raises NameTaken, Invalid."""
    made = create_collection(by=by, **wishes)
    choose_collection(made, by=by)
    return made


@transaction.atomic
def choose_collection(collection: Collection, *, by: User) -> None:
    """One that is there. Raises NotFound."""
    found = access.get_collection_to_curate(by, collection.pk)
    if _change(collection=found):
        record("setup.collection_chosen", found.name, by, organisation=found.tenant)


def choose_sample(*, by: User) -> None:
    """Raises NotFound."""
    found = sample_collection()
    if found is None:
        raise NotFound("The sample handbook is not here any more.", advice="Make a collection of your own.")
    choose_collection(found, by=by)


def collections_to_choose(user: User) -> Any:
    """Those of the person's own house that they may read and look after."""
    return access.looked_after_and_read(user).order_by("name")


def _change(**values: Any) -> bool:
    """-> whether anything is different now."""
    current()
    return bool(Setup.objects.exclude(**values).update(**values))
