"""Keys of people who come by a provider or a directory alone rest where they no longer sign in there: who has left the
organisation, and whom no program told us of, has keys that go on otherwise.
"""

from __future__ import annotations

from datetime import timedelta

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from chatapp.accounts.models import ApiKey, User
from chatapp.errors import ChatAppError
from chatapp.governance.personal import Personal
from chatapp.governance.services import record


class KeyRests(ChatAppError):
    code, http_status = "api_key_rests", 401
    user_message = "This API key rests: its person has not signed in for too long."
    advice = "Sign in once in a browser, by way of your organisation: the key then opens again what it opened."


def rests(person: User) -> bool:
    """Whoever has a way in of their own, as local and service accounts have, is not asked when they last came."""
    days, came = settings.API_KEY_SIGN_IN_DAYS, person.by_provider_at
    if not days or came is None or person.is_service:
        return False
    own_way = settings.LOCAL_ACCOUNTS and person.has_usable_password()
    return not own_way and came < timezone.now() - timedelta(days=days)


def comes_by_provider(person: User) -> bool:
    """Has come that way, or is linked there."""
    return person.by_provider_at is not None or SocialAccount.objects.filter(user=person.pk).exists()


def came_by_provider(person: User) -> None:
    """A moment ago. Keys that rested open again."""
    User.objects.filter(pk=person.pk).update(by_provider_at=timezone.now())


@transaction.atomic
def write_down(row: ApiKey) -> None:
    """Once for each time that it rests, however often it is used meanwhile."""
    first = Q(rests_since=None) | Q(rests_since__lt=F("user__by_provider_at"))
    found = ApiKey.objects.filter(first, pk=row.pk).select_for_update(of=("self",)).first()
    if found is None:
        return
    ApiKey.objects.filter(pk=row.pk).update(rests_since=timezone.now())
    about = Personal(str(row), row.user_id)
    days = settings.API_KEY_SIGN_IN_DAYS
    record("api_key.rests", about, organisation=row.user.tenant, of=row.user, days=days)
