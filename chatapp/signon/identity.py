"""Who somebody is, in the words of a provider whose signature was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chatapp.signon.config import Provider
from retrieval.stored_text import storable

_GROUPS, _GROUP_CHARACTERS, _NAME_CHARACTERS = 2000, 256, 150


@dataclass(frozen=True)
class NameId:
    """How SAML's messages about a sign-out call somebody: as the assertion did, in all its parts."""

    value: str
    format: str = ""
    qualifier: str = ""
    sp_qualifier: str = ""


@dataclass(frozen=True)
class Identity:
    provider: Provider
    subject: str
    username: str = ""
    email: str = ""  # only one that the provider vouches for
    first_name: str = ""
    last_name: str = ""
    groups: frozenset[str] = frozenset()
    session_id: str = ""  # of the provider's session
    name_id: NameId | None = None  # of SAML
    nonce: str | None = None  # None: this kind of provider has none
    id_token: str = ""
    once: tuple[str, datetime] | None = None  # what must not come twice, and until when that matters
    # Seconds since 1970, when the person last showed the provider who they are; None: it does not say.
    authenticated_at: float | None = None

    @property
    def domain(self) -> str:
        return self.email.rpartition("@")[2].lower()


def text_of(claims: Mapping[str, Any], *names: str) -> str:
    """The first of these claims that is a text of some length: the beginning of a longer address is another one."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and 0 < len(value.strip()) <= _NAME_CHARACTERS:
            return storable(value.strip())
    return ""


def groups_of(claims: Mapping[str, Any], path: str) -> frozenset[str]:
    """The values of a claim, also one inside others: `resource_access.footnote.roles`."""
    found: Any = claims.get(path)
    if found is None:
        found = claims
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    values = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return frozenset(one for one in values[:_GROUPS] if isinstance(one, str) and 0 < len(one) <= _GROUP_CHARACTERS)
