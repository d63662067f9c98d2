"""Tokens of provisioning clients: shown once, stored hashed, ending, revocable."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.services import record
from chatapp.scim.models import ProvisioningClient, Token

PREFIX = "fn-scim-"
MOST_DAYS, USUAL_DAYS = 730, 365
TOKENS_PER_CLIENT = 5  # one in use, its successor, and some to spare
_USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Made:
    token: str  # which nothing can show again
    row: Token


@transaction.atomic
def make(*, client: ProvisioningClient, days: int, by: User) -> Made:
    """Raises Invalid."""
    ProvisioningClient.objects.select_for_update().get(pk=client.pk)  # so that two pages cannot pass the bound together
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(f"A token may be used for 1 to {MOST_DAYS} days.")
    if client.tokens.filter(revoked_at=None, expires_at__gt=timezone.now()).count() >= TOKENS_PER_CLIENT:
        raise Invalid(f"A client may have {TOKENS_PER_CLIENT} tokens.", advice="Revoke one that is no longer used.")
    token = PREFIX + secrets.token_urlsafe(32)
    row = Token.objects.create(
        client=client, sha256=_hashed(token), hint=token[-4:], expires_at=timezone.now() + timedelta(days=days)
    )
    detail = {"hint": row.hint, "expires_at": row.expires_at}
    record("scim.token.made", client.name, by, organisation=client.tenant, **detail)
    return Made(token, row)


@transaction.atomic
def revoke(row: Token, *, by: User) -> None:
    """At once: each request asks the table."""
    if Token.objects.filter(pk=row.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record("scim.token.revoked", row.client.name, by, organisation=row.client.tenant, hint=row.hint)


def client_of(token: str) -> ProvisioningClient | None:
    """Whose token this is, if it may be used; the use is noted."""
    if not token.startswith(PREFIX):
        return None
    now = timezone.now()
    usable = Token.objects.filter(sha256=_hashed(token), revoked_at=None, expires_at__gt=now, client__is_on=True)
    usable = usable.filter(client__organisation__is_active=True)
    row = usable.select_related("client__organisation").first()
    if row is None:
        return None
    if row.last_used_at is None or row.last_used_at < now - _USE_NOTED_EVERY:
        Token.objects.filter(pk=row.pk).update(last_used_at=now)
    return row.client


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
