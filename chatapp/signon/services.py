"""Who is let in."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.signon.config import Provider
from chatapp.signon.errors import SignOnFailed, SignOnRefused
from chatapp.signon.homes import home_of, takes
from chatapp.signon.identity import Identity
from chatapp.signon.models import SpentToken


def admit(identity: Identity, user: User | None) -> None:
    """Raises SignOnRefused; each refusal is written down."""
    provider = identity.provider
    if provider.domains and identity.domain not in provider.domains:
        _refuse(identity, user, "domain", "Your e-mail address is not of a domain that may use this service.")
    if provider.required_groups and identity.groups.isdisjoint(provider.required_groups):
        _refuse(identity, user, "groups", "You are in none of the groups that may use this service.")
    if user is not None:
        if user.is_service:
            _refuse(identity, user, "service", "A service account signs in with keys alone.")
        if not takes(provider, user):
            _refuse(identity, user, "organisation", "Your account here is not for this way to sign in.")
        return
    home = home_of(provider)
    if home is None:
        _refuse(identity, user, "organisation", "Nobody can sign in this way now.")
    if not provider.creates_people:
        _refuse(identity, user, "unknown", "You have no account here yet.")
    if identity.email and _address_is_taken(identity.email, home):
        _refuse(identity, user, "address", "Somebody with your e-mail address has an account here already.")


def _refuse(identity: Identity, user: User | None, reason: str, sentence: str) -> NoReturn:
    """Somebody without an account has no key to seal a name under: a digest tells them apart."""
    about = user or f"unknown person {hashlib.sha256(identity.subject.encode()).hexdigest()[:12]}"
    whose = user.tenant if user else home_of(identity.provider)
    slug, domain = identity.provider.slug, identity.domain
    record("sign_on.refused", about, organisation=whose, provider=slug, reason=reason, domain=domain)
    raise SignOnRefused(sentence)


def _address_is_taken(address: str, home: UUID) -> bool:
    """Nobody becomes somebody else by having their address at a second provider. Within their organisation alone: a
    directory of another one may say what it likes, and learns of nobody who is elsewhere."""
    return (
        User.objects.filter(email__iexact=address, organisation=home).exists()
        or EmailAddress.objects.filter(email__iexact=address, user__organisation=home).exists()
    )


def spend(provider: Provider, token: str, until: datetime) -> bool:
    """Whether this came for the first time."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    SpentToken.objects.filter(expires_at__lt=timezone.now()).delete()
    try:
        with transaction.atomic():
            SpentToken.objects.create(provider=provider.slug, sha256=digest, expires_at=until)
    except IntegrityError:
        return False
    return True


def fail(provider: Provider, reason: str) -> NoReturn:
    record("sign_on.failed", provider.name, provider=provider.slug, reason=reason)
    raise SignOnFailed
