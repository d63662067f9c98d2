"""Who comes from the directory, and whether they are let in: by the same rules as people of other providers."""

from __future__ import annotations

import time

import structlog
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.conf import settings
from django.http import HttpRequest

from chatapp.accounts.adapter import AccountAdapter
from chatapp.accounts.models import User
from chatapp.directory.binding import DirectoryAway, Entry, find
from chatapp.directory.config import Directory
from chatapp.governance.services import record
from chatapp.signon import groups, providers
from chatapp.signon.adapter import SignOnAdapter
from chatapp.signon.errors import ProviderUnreachable, SignOnRefused
from chatapp.signon.identity import Identity, groups_of, text_of
from chatapp.signon.oidc import check_issuer
from chatapp.signon.services import admit, fail

log = structlog.get_logger(__name__)
_LONGEST_NAME, _LONGEST_PASSWORD = 254, 1024  # bytes that are sent on
_LONGEST_SUBJECT = 191


def sign_in(request: HttpRequest, directory: Directory, name: str, password: str) -> User | None:
    """None: no such name, or another password. Raises ProviderUnreachable, SignOnRefused and SignOnFailed."""
    if not _may_be_asked(name, password):
        return None
    try:
        entry = find(directory, providers.secret_of(directory.provider), name, password)
    except DirectoryAway as error:
        log.warning("directory.away", provider=directory.provider.slug, kind=str(error))
        raise ProviderUnreachable from None
    return _let_in(request, identity_of(directory, entry)) if entry is not None else None


def _may_be_asked(name: str, password: str) -> bool:
    """An empty password would be an anonymous bind, which succeeds; one with a zero byte may end there."""
    sized = 0 < len(_bytes(name)) <= _LONGEST_NAME and 0 < len(_bytes(password)) <= _LONGEST_PASSWORD
    return sized and name.isprintable() and "\0" not in password and _is_utf8(name) and _is_utf8(password)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_utf8(text: str) -> bool:
    return _bytes(text) == text.encode("utf-8", "replace")


def identity_of(directory: Directory, entry: Entry) -> Identity:
    """Of an entry whose password was right a moment ago. Raises SignOnFailed."""
    provider = directory.provider
    subject = entry.identifier(directory.id_attribute)
    if not 0 < len(subject) <= _LONGEST_SUBJECT:
        fail(provider, "an entry without an id")
    first = {name: next(iter(entry.texts(name)), "") for name in directory.attributes}
    return Identity(
        provider=provider,
        subject=subject,
        username=text_of(first, directory.name_attributes[0]),
        email=text_of(first, directory.email_attribute),
        first_name=text_of(first, directory.first_name_attribute),
        last_name=text_of(first, directory.last_name_attribute),
        groups=groups_of({"groups": sorted(entry.groups)}, "groups"),
        authenticated_at=time.time(),
    )


def _let_in(request: HttpRequest, identity: Identity) -> User:
    """The name here is not looked at: whoever has it may be somebody else."""
    slug, subject = identity.provider.slug, identity.subject
    check_issuer(identity.provider, subject)
    linked = SocialAccount.objects.filter(provider=slug, uid=subject).select_related("user").first()
    user: User | None = linked.user if linked else None
    admit(identity, user)
    if user is None:
        user = _made(request, identity)
    elif not user.is_active:
        record("sign_on.refused", user, provider=slug, reason="closed", domain=identity.domain)
        raise SignOnRefused("Your account here is closed.", advice="Ask your administrator.")
    else:
        groups.apply(user, identity)
    request.signon = identity  # type: ignore[attr-defined]
    return user


def _made(request: HttpRequest, identity: Identity) -> User:
    account = SocialAccount(
        provider=identity.provider.slug, uid=identity.subject, extra_data={"issuer": identity.provider.issuer}
    )
    login = SocialLogin(user=User(), account=account)
    login.identity = identity
    adapter = SignOnAdapter(request)
    told = {
        "username": AccountAdapter(request).generate_unique_username([identity.username, identity.email]),
        "email": identity.email,
        "first_name": identity.first_name,
        "last_name": identity.last_name,
    }
    adapter.populate_user(request, login, told)
    made: User = adapter.save_user(request, login)
    return made


def directory_in_use() -> Directory | None:
    found: Directory | None = settings.DIRECTORY
    return found
