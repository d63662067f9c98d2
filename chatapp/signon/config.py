"""Identity providers, as the environment or an administrator describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

OIDC, SAML = "oidc", "saml"
KINDS = (OIDC, SAML)
LDAP = "ldap"  # described by chatapp/directory alone: it has no doors of its own
KEY_NAME = r"SIGNON_KEY_[A-Z0-9_]{1,60}"  # a prefix of its own: no provider can be sent another secret
_SLUG = r"[a-z0-9][a-z0-9-]{0,39}"
_RESERVED = ("openid_connect", "openid-connect", *KINDS)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_MOST = 500  # domains, groups and rules of one provider


class ConfigRefused(ValueError):
    """What is wrong with the description of a provider, in a sentence."""


@dataclass(frozen=True)
class Rule:
    """Who has this value in the groups claim is in this group, or, without one, an administrator."""

    value: str
    group: str = ""


@dataclass(frozen=True)
class Provider:
    slug: str
    name: str
    kind: str
    issuer: str  # of SAML: the entity id
    client_id: str = ""  # of SAML: our own entity id, where it is not the address of our metadata
    key: str = ""  # the NAME of the setting that holds the client secret
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    domains: tuple[str, ...] = ()  # of e-mail addresses; empty: all
    required_groups: tuple[str, ...] = ()  # one of them; empty: everybody there
    trusts_email: bool = False  # although the provider does not say that it verified the address
    creates_people: bool = True
    session_hours: int = 12
    rules: tuple[Rule, ...] = ()
    sso_url: str = ""
    certificate: str = ""
    slo_url: str = ""  # of SAML: where sign-outs go; empty: they end here alone
    organisation: str = ""  # the short name of the one whose people come from here; empty: it is bound to none

    @property
    def is_on_this_machine(self) -> bool:
        return urlsplit(self.sso_url or self.issuer).hostname in _LOOPBACK

    def check(self) -> Provider:
        """Raises ConfigRefused."""
        _need(bool(re.fullmatch(_SLUG, self.slug)) and self.slug not in _RESERVED, _SLUG_SENTENCE)
        _need(bool(self.name) and len(self.name) <= 40, "A provider needs a name of at most 40 characters.")
        _need(self.kind in (*KINDS, LDAP), _KIND_SENTENCE)
        _need(not self.key or bool(re.fullmatch(KEY_NAME, self.key)), "The name of a key begins with SIGNON_KEY_.")
        _need(1 <= self.session_hours <= 336, "session_hours must lie between 1 and 336.")
        _need(all(len(many) <= _MOST for many in (self.domains, self.required_groups, self.rules)), _MOST_SENTENCE)
        _need(all("." in one and "@" not in one for one in self.domains), "Domains look like example.com.")
        if self.kind == LDAP:
            return self
        return self._checked_oidc() if self.kind == OIDC else self._checked_saml()

    def _checked_oidc(self) -> Provider:
        _need(is_safe_address(self.issuer), "The issuer must be an address that begins with https://.")
        _need(bool(self.client_id), "A provider of kind oidc needs a client_id.")
        _need("openid" in self.scopes, "The scopes of a provider of kind oidc include openid.")
        return self

    def _checked_saml(self) -> Provider:
        _need(bool(self.issuer), "A provider of kind saml needs its entity id as issuer.")
        _need(is_safe_address(self.sso_url), "sso_url must be an address that begins with https://.")
        plain = is_safe_address(self.slo_url) and not set(self.slo_url) & set("&<>\"'")  # it is put into XML as it is
        _need(not self.slo_url or plain, "slo_url must be a plain address that begins with https://.")
        _need(bool(self.certificate.strip()), "A provider of kind saml needs the certificate that it signs with.")
        return self


_SLUG_SENTENCE = "The slug of a provider is of small letters, digits and hyphens, and none of oidc, saml."
_KIND_SENTENCE = "The kind of a provider is oidc or saml."
_MOST_SENTENCE = f"A provider has at most {_MOST} domains, groups and rules each."


def is_safe_address(address: str) -> bool:
    """Secrets go there: over TLS, or to this very machine."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port  # raises when it is none
    except ValueError:
        return False
    if address != "".join(address.split()) or not host or parts.username or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)


def parsed(text: str) -> tuple[Provider, ...]:
    """From JSON, a list of objects. Raises ConfigRefused."""
    if not text:
        return ()
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigRefused(f"This is no JSON ({error}).") from None
    _need(isinstance(found, list) and all(isinstance(one, dict) for one in found), "This must be a list of objects.")
    providers = tuple(provider_of(one) for one in found)
    _need(all(one.kind in KINDS for one in providers), _KIND_SENTENCE)
    _need(len({one.slug for one in providers}) == len(providers), "Two providers have the same slug.")
    return providers


def provider_of(given: Mapping[str, Any]) -> Provider:
    """Raises ConfigRefused."""
    values = {**given}
    rules = _rules(values.pop("groups", {}), values.pop("administrators", []))
    known = {field.name: field for field in fields(Provider) if field.name != "rules"}
    unknown = sorted(set(values) - set(known))
    _need(not unknown, f"A provider has no setting {', '.join(unknown)}.")
    for name, value in values.items():
        values[name] = _typed(name, value, str(known[name].type))
    for name in ("slug", "name", "kind", "issuer"):
        _need(name in values, f"A provider needs a setting {name}.")
    return Provider(**values, rules=rules).check()


def _typed(name: str, value: Any, kind: str) -> Any:
    if kind.startswith("tuple"):
        _need(
            isinstance(value, list) and all(isinstance(one, str) for one in value), f"{name} must be a list of texts."
        )
        return tuple(value)
    wanted: type = {"str": str, "bool": bool, "int": int}[kind]
    _need(type(value) is wanted, f"{name} must be of type {kind}.")
    return value


def _rules(groups: Any, administrators: Any) -> tuple[Rule, ...]:
    sound = isinstance(groups, dict) and all(isinstance(one, str) and one for one in groups.values())
    _need(sound, "groups must map values of the claim to names of groups.")
    sound = isinstance(administrators, list) and all(isinstance(one, str) and one for one in administrators)
    _need(sound, "administrators must be a list of values of the claim.")
    return (*(Rule(value, group) for value, group in groups.items()), *(Rule(value) for value in administrators))


def words(text: str) -> tuple[str, ...]:
    """One to a line, as administrators type them."""
    return tuple(_distinct(line.strip() for line in text.splitlines()))


def _distinct(lines: Iterable[str]) -> Iterable[str]:
    return dict.fromkeys(line for line in lines if line)


def _need(sound: bool, sentence: str) -> None:
    if not sound:
        raise ConfigRefused(sentence)
