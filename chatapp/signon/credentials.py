"""The end of all that opens an account, where somebody else than its person may have chosen some of it."""

from __future__ import annotations

from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from chatapp.accounts.keys import kept_keys, revoke
from chatapp.accounts.models import OneTimeLink, User
from chatapp.governance.services import record
from chatapp.signon import factors, sessions


@transaction.atomic
def end_all(user: User, *, by: User | None, way: str, came_by: tuple[str, str] = ("", "")) -> None:
    """Password, second factors, links to providers, one-time links and keys. With the password end all sessions, for
    their hash is made from it. `came_by`: the provider and the subject by which the person is signing in, kept."""
    user.set_unusable_password()
    user.by_provider_at = None  # of a provider that no longer opens it: they may choose a password
    user.save(update_fields=["password", "by_provider_at"])
    factors.remove_all(user)
    provider, subject = came_by
    for link in SocialAccount.objects.filter(user=user).exclude(provider=provider, uid=subject):
        link.delete()
        record("sign_on.unlinked", user, by, provider=link.provider)
    OneTimeLink.objects.filter(user=user, used_at=None).delete()
    for key in kept_keys(user):
        revoke(key, by=by or user)
    sessions.end_of(user, way=way)
