"""The end of all second factors of a person, apart from the pages on which they are shown."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction

from chatapp.accounts.models import User
from chatapp.governance.services import record


@transaction.atomic
def remove_all(user: User) -> None:
    """Passkeys, which may sign in alone, codes of an app and recovery codes; each with its line in the trail."""
    found = Authenticator.objects.select_for_update().filter(user=user)
    for factor in found:
        record("second_factor.removed", user, kind=factor.type)
    found.delete()
