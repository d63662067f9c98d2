"""Sessions that came from a provider, and their end there."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.accounts.resting import came_by_provider, comes_by_provider
from chatapp.governance.services import record
from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity
from chatapp.signon.models import SignOnSession

FROM_PROVIDER = "signon"  # in a session: {"provider", "id_token"}, and of SAML {"name_id", "session_id"}
_ID_TOKEN = 8000  # a longer one is not kept; the provider then asks whether one wants to leave


def signed_in(sender: Any, request: HttpRequest | None, user: User, **_: Any) -> None:
    """Whichever way somebody came in. Without an address it was no request: nobody came in through a door."""
    if request is None or not request.path:
        return
    identity: Identity | None = getattr(request, "signon", None)
    if identity is not None:
        _remember(request, user, identity)
        came_by_provider(user)
    way = f"provider {identity.provider.slug}" if identity else _way(request)
    record("sign_in", user, user, way=way)


def signed_out(sender: Any, request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if request is None or not request.path or user is None:
        return
    SignOnSession.objects.filter(session_key=request.session.session_key or "").delete()
    record("sign_out", user, user)


def _way(request: HttpRequest) -> str:
    ways = {
        "/accounts/link/": "one-time link",
        "/accounts/passkey/": "passkey",
        "/accounts/second-factor/": "password and second factor",
    }
    return next((way for path, way in ways.items() if request.path.startswith(path)), "password")


def _remember(request: HttpRequest, user: User, identity: Identity) -> None:
    provider = identity.provider
    lasts = timedelta(hours=provider.session_hours)
    request.session.set_expiry(lasts)
    kept = identity.id_token if len(identity.id_token) <= _ID_TOKEN else ""
    request.session[FROM_PROVIDER] = {"provider": provider.slug, "id_token": kept, **_of_saml(identity)}
    SignOnSession.objects.filter(expires_at__lt=timezone.now()).delete()
    SignOnSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={
            "user": user,
            "provider": provider.slug,
            "subject": identity.subject,
            "session_id": identity.session_id,
            "name_id": identity.name_id.value.strip() if identity.name_id else "",
            "expires_at": timezone.now() + lasts,
        },
    )


def _of_saml(identity: Identity) -> dict[str, Any]:
    if identity.name_id is None:
        return {}
    return {"name_id": asdict(identity.name_id), "session_id": identity.session_id}


def moved(before: str | None, now: str | None) -> None:
    """The session has another key."""
    if before and now:
        SignOnSession.objects.filter(session_key=before).update(session_key=now)


def came_from(request: HttpRequest) -> str:
    """The provider's slug; empty for a session that began here."""
    kept = request.session.get(FROM_PROVIDER)
    return str(kept["provider"]) if isinstance(kept, dict) else ""


def end(provider: Provider, *, subject: str = "", session_id: str = "") -> int:
    """Ends what the provider names: one session, or all of a person. -> how many."""
    named = {name: value for name, value in (("subject", subject), ("session_id", session_id)) if value}
    way = f"provider {provider.slug}"
    return _end(SignOnSession.objects.filter(provider=provider.slug, **named), way) if named else 0


def end_named(provider: Provider, name_id: str, session_ids: Collection[str]) -> int:
    """What a provider of SAML names: those sessions of a person, or without numbers all. One that the provider gave no
    number ends in any case: it may be meant. -> how many."""
    found = SignOnSession.objects.filter(provider=provider.slug, name_id=name_id)
    if session_ids:
        found = found.filter(session_id__in=["", *(one[:255] for one in session_ids)])
    return _end(found, f"provider {provider.slug}") if name_id else 0


def end_all(slug: str) -> int:
    """When a provider is trusted no more. -> how many."""
    return _end(SignOnSession.objects.filter(provider=slug), f"provider {slug}")


def end_of(user: User, *, way: str) -> int:
    """All of one person that came from a provider. -> how many."""
    return _end(SignOnSession.objects.filter(user=user), way)


@transaction.atomic
def _end(found: QuerySet[SignOnSession], way: str) -> int:
    ended = list(found.select_related("user"))
    Session.objects.filter(session_key__in=[one.session_key for one in ended]).delete()
    SignOnSession.objects.filter(pk__in=[one.pk for one in ended]).delete()
    for user in {one.user for one in ended}:
        record("sign_out", user, user, way=way)
    return len(ended)


def takes_passwords() -> bool:
    """Our own, or those of the directory."""
    return bool(settings.LOCAL_ACCOUNTS) or settings.DIRECTORY is not None


def keep_bounds(request: HttpRequest) -> None:
    """Of a session that came from a provider, whatever the form of the sign-in page wished ("remember me")."""
    identity: Identity | None = getattr(request, "signon", None)
    if identity is not None:
        request.session.set_expiry(timedelta(hours=identity.provider.session_hours))


def may_choose_password(request: HttpRequest) -> bool:
    """A password here would stay a way in after the provider has closed its own: who has none, and comes by a provider
    otherwise, chooses none behind a one-time link either."""
    if not settings.LOCAL_ACCOUNTS or came_from(request):
        return False
    user = request.user
    return not isinstance(user, User) or user.has_usable_password() or not comes_by_provider(user)
