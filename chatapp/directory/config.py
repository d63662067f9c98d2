"""The LDAP directory whose people may sign in, as the environment describes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urlsplit

from chatapp.signon.config import LDAP, ConfigRefused, Provider, provider_of

GROUP_KINDS = ("groupOfNames", "groupOfUniqueNames", "posixGroup", "activeDirectory")
_ATTRIBUTE = r"[A-Za-z][A-Za-z0-9-]{0,63}"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LONGEST_WAIT_S = 30


@dataclass(frozen=True)
class Directory:
    provider: Provider  # its name, and who is let in
    server: str
    user_base: str
    bind_dn: str = ""  # who searches; empty: anonymously. The password is the secret that `key` names
    user_filter: str = "(objectClass=inetOrgPerson)"
    name_attributes: tuple[str, ...] = ("uid", "mail")  # what people may type; the first becomes the name here
    id_attribute: str = "entryUUID"  # of Active Directory objectGUID; names are given anew, these are not
    email_attribute: str = "mail"
    first_name_attribute: str = "givenName"
    last_name_attribute: str = "sn"
    group_base: str = ""  # empty: groups are not looked at
    group_filter: str = "(objectClass=groupOfNames)"
    group_kind: str = "groupOfNames"
    group_attribute: str = "cn"
    start_tls: bool = False
    ca_file: str = ""
    seconds: int = 5  # for each question to the server

    @property
    def attributes(self) -> list[str]:
        """Of a person; `uid` and `gidNumber` name them in groups of the kind posixGroup."""
        named = (self.id_attribute, self.email_attribute, self.first_name_attribute, self.last_name_attribute)
        return sorted({*self.name_attributes, *named, "uid", "gidNumber", "primaryGroupID", "objectSid"})

    def check(self) -> Directory:
        """Raises ConfigRefused."""
        _need(_is_safe(self.server, self.start_tls), _SERVER_SENTENCE)
        _need(bool(self.user_base), "A directory needs a user_base.")
        _need(not self.bind_dn or bool(self.provider.key), "bind_dn needs a key: the name of what holds its password.")
        _need(bool(self.name_attributes), "name_attributes must name one attribute at least.")
        named = (self.group_attribute, self.id_attribute, self.email_attribute, *self.name_attributes)
        named += (self.first_name_attribute, self.last_name_attribute)
        _need(all(re.fullmatch(_ATTRIBUTE, one) for one in named), "Attributes are letters, digits and hyphens.")
        _need(_is_filter(self.user_filter) and _is_filter(self.group_filter), "A filter stands in parentheses.")
        _need(self.group_kind in GROUP_KINDS, f"group_kind is one of {', '.join(GROUP_KINDS)}.")
        _need(1 <= self.seconds <= _LONGEST_WAIT_S, f"seconds must lie between 1 and {_LONGEST_WAIT_S}.")
        wants_groups = bool(self.provider.rules or self.provider.required_groups)
        _need(bool(self.group_base) or not wants_groups, "Rules about groups need a group_base.")
        return self


_SERVER_SENTENCE = "server must begin with ldaps://, or with ldap:// and start_tls; ldap:// alone is for this machine."


def _is_safe(server: str, start_tls: bool) -> bool:
    """Passwords go there: over TLS, or to this very machine."""
    try:
        parts = urlsplit(server)
        host = parts.hostname
        _ = parts.port  # raises when it is none
    except ValueError:
        return False
    if server != "".join(server.split()) or not host or parts.username or parts.path.strip("/") or parts.query:
        return False
    return parts.scheme == "ldaps" or (parts.scheme == "ldap" and (start_tls or host in _LOOPBACK))


def _is_filter(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0 and text.startswith("(") and text.endswith(")")


def parsed(text: str) -> Directory | None:
    """From a JSON object. Raises ConfigRefused."""
    if not text:
        return None
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ConfigRefused(f"This is no JSON ({error}).") from None
    _need(isinstance(given, dict), "This must be an object.")
    known = {field.name: str(field.type) for field in fields(Directory) if field.name != "provider"}
    own = {name: _typed(name, given.pop(name), kind) for name, kind in known.items() if name in given}
    for name in ("server", "user_base"):
        _need(name in own, f"A directory needs a setting {name}.")
    return Directory(provider=_provider(given, own["user_base"]), **own).check()


def _provider(given: Mapping[str, Any], base: str) -> Provider:
    """The server may move; whose people these are stands in the base."""
    return provider_of({"slug": "directory", "name": "Directory", **given, "kind": LDAP, "issuer": f"ldap:{base}"})


def _typed(name: str, value: Any, kind: str) -> Any:
    if kind.startswith("tuple"):
        _need(
            isinstance(value, list) and all(isinstance(one, str) for one in value), f"{name} must be a list of texts."
        )
        return tuple(value)
    wanted: type = {"str": str, "bool": bool, "int": int}[kind]
    _need(type(value) is wanted, f"{name} must be of type {kind}.")
    return value


def _need(sound: bool, sentence: str) -> None:
    if not sound:
        raise ConfigRefused(sentence)
