"""Asks the directory who somebody is. The one place that knows its protocol (django-auth-ldap, python-ldap)."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from typing import Any
from urllib.parse import urlsplit

import ldap
from django_auth_ldap import config
from django_auth_ldap.backend import LDAPBackend, ldap_error

from chatapp.accounts.models import User
from chatapp.directory.config import Directory

# It writes names and passwords' fates; what is to be known of failures stands in the trail and in our own log.
logging.getLogger("django_auth_ldap").setLevel(logging.CRITICAL)
_KINDS: Mapping[str, type[Any]] = {
    "groupOfNames": config.GroupOfNamesType,
    "groupOfUniqueNames": config.GroupOfUniqueNamesType,
    "posixGroup": config.PosixGroupType,
    "activeDirectory": config.ActiveDirectoryGroupType,
}
_PLACES = BoundedSemaphore(16)  # people who sign in at once, in one process
_QUESTIONS = 6  # connections, binds and searches of one sign-in
_ENTRIES = 2000  # that one question may bring
# What a server says of a password beside INVALID_CREDENTIALS: an account that is locked, or has none.
_REFUSED = (ldap.INAPPROPRIATE_AUTH, ldap.UNWILLING_TO_PERFORM, ldap.CONSTRAINT_VIOLATION)


class DirectoryAway(Exception):
    """The server did not answer, or not as it should. Says its kind of error, and nothing of people."""


@dataclass(frozen=True)
class Entry:
    attributes: Mapping[str, list[str | bytes]]  # names in any case
    groups: frozenset[str]

    def texts(self, attribute: str) -> list[str]:
        return [one for one in self.attributes.get(attribute, []) if isinstance(one, str)]

    def identifier(self, attribute: str) -> str:
        """Text as it is, bytes (objectGUID) in hexadecimal digits; empty where there is not one value."""
        values = self.attributes.get(attribute, [])
        if len(values) != 1:
            return ""
        raw = values[0].encode() if isinstance(values[0], str) else values[0]
        text = raw.decode("ascii", "replace")
        return text if text.isascii() and text.isprintable() else raw.hex()


def find(directory: Directory, secret: str, name: str, password: str) -> Entry | None:
    """The entry that bears this name, where the password is its own. Raises DirectoryAway.

    In a thread of its own that may be left behind: libldap with GnuTLS waits without end for a server that goes silent
    in the middle of a handshake.
    """
    if not _PLACES.acquire(timeout=directory.seconds):
        raise DirectoryAway("Busy")
    answers: SimpleQueue[Entry | DirectoryAway | None] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(_found(directory, secret, name, password))
        except DirectoryAway as error:
            answers.put(error)
        finally:
            _PLACES.release()

    Thread(target=ask, name="directory", daemon=True).start()
    try:
        answer = answers.get(timeout=_QUESTIONS * directory.seconds)
    except Empty:
        raise DirectoryAway("Timeout") from None
    if isinstance(answer, DirectoryAway):
        raise answer
    return answer


def _found(directory: Directory, secret: str, name: str, password: str) -> Entry | None:
    """Raises DirectoryAway."""
    try:
        _knock(directory)
        backend = _Backend(directory, secret)
        backend.authenticate(None, username=name, password=password)
    except (OSError, ValueError, LookupError, ldap.LDAPError) as error:
        raise DirectoryAway(type(error).__name__) from None
    return backend.entry


def _knock(directory: Directory) -> None:
    """Whether anybody speaks TLS there, within the time: with this library, which keeps to it. Raises OSError."""
    parts = urlsplit(directory.server)
    if parts.scheme == "ldaps" and parts.hostname:
        context = ssl.create_default_context(cafile=directory.ca_file or None)
        address = (parts.hostname, parts.port or 636)
        with socket.create_connection(address, timeout=directory.seconds) as plain:
            context.wrap_socket(plain, server_hostname=parts.hostname).close()


class _Backend(LDAPBackend):
    """Searches and binds; who that is here is decided elsewhere."""

    def __init__(self, directory: Directory, secret: str) -> None:
        self.directory = directory
        self.settings = config.LDAPSettings("FOOTNOTE_HAS_NONE_", _settings(directory, secret))
        self.entry: Entry | None = None

    def authenticate_ldap_user(self, ldap_user: Any, password: str) -> Any:
        try:
            return super().authenticate_ldap_user(ldap_user, password)
        finally:  # it would stay open until its ring of references is found
            if ldap_user._connection is not None:
                with suppress(ldap.LDAPError):
                    ldap_user._connection.unbind_ext_s()

    def get_or_build_user(self, username: str, ldap_user: Any) -> tuple[User, bool]:
        """The password was right. -> an object that stands in for somebody, and is thrown away"""
        found = Entry(dict_of(ldap_user.attrs), frozenset())
        named = [value.lower() for one in self.directory.name_attributes for value in found.texts(one)]
        # Servers compare loosely: other spaces, invisible characters. Each such name would have a count of guesses.
        if username.lower() in named:
            groups = ldap_user.group_names if self.directory.group_base else ()
            self.entry = Entry(found.attributes, frozenset(one for one in groups if isinstance(one, str)))
        return User(), False


def dict_of(attributes: Any) -> Mapping[str, list[str | bytes]]:
    """The library's own kind of dictionary, which knows names in any case; nothing where there are none."""
    return attributes if attributes is not None else {}


def _settings(directory: Directory, secret: str) -> dict[str, Any]:
    names = "".join(f"({attribute}=%(user)s)" for attribute in directory.name_attributes)
    people = f"(&{directory.user_filter.replace('%', '%%')}(|{names}))"
    group_filter = directory.group_filter.replace("%", "%%")
    return {
        "SERVER_URI": directory.server,
        "START_TLS": directory.start_tls,
        "CONNECTION_OPTIONS": _options(directory),
        "BIND_DN": directory.bind_dn,
        "BIND_PASSWORD": secret if directory.bind_dn else "",
        "USER_SEARCH": config.LDAPSearch(directory.user_base, ldap.SCOPE_SUBTREE, people, directory.attributes),
        "GROUP_SEARCH": config.LDAPSearch(
            directory.group_base, ldap.SCOPE_SUBTREE, group_filter, [directory.group_attribute]
        ),
        "GROUP_TYPE": _KINDS[directory.group_kind](directory.group_attribute),
        "ALWAYS_UPDATE_USER": False,
    }


def _options(directory: Directory) -> dict[int, Any]:
    """In this order: a new context comes after what it is made of."""
    options: dict[int, Any] = {
        ldap.OPT_PROTOCOL_VERSION: 3,
        ldap.OPT_REFERRALS: 0,  # passwords go to no server that another one names
        ldap.OPT_NETWORK_TIMEOUT: float(directory.seconds),
        ldap.OPT_TIMEOUT: float(directory.seconds),
        ldap.OPT_TIMELIMIT: directory.seconds,
        ldap.OPT_SIZELIMIT: _ENTRIES,
        ldap.OPT_X_TLS_REQUIRE_CERT: ldap.OPT_X_TLS_DEMAND,
    }
    if directory.ca_file:
        options[ldap.OPT_X_TLS_CACERTFILE] = directory.ca_file
    return options | {ldap.OPT_X_TLS_NEWCTX: 0}


def _failed(sender: Any, context: str, exception: Exception, **_: Any) -> None:
    """The library would go on as if there were no such person, or no such groups."""
    if context == "authenticate" and isinstance(exception, _REFUSED):
        return
    raise DirectoryAway(type(exception).__name__) from None


ldap_error.connect(_failed, sender=_Backend, dispatch_uid="directory.failed")
