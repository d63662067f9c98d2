"""Who a person is at the identity provider: the same account at a sign-in there, by the subject alone."""

from __future__ import annotations

from uuid import UUID

from allauth.socialaccount.models import SocialAccount

from chatapp.governance.services import record
from chatapp.scim.errors import Uniqueness
from chatapp.scim.models import Person, ProvisioningClient, Subject
from chatapp.scim.profiles import Profile
from chatapp.signon import providers
from chatapp.signon.config import Provider
from chatapp.signon.homes import home_of
from retrieval.tenants import HOUSE

_LONGEST = 191  # characters of a subject: the column


def linked(client: ProvisioningClient, wanted: Profile) -> Person | None:
    """Who signed in there before they were provisioned. Raises Uniqueness."""
    provider, subject = _at(client, wanted.external_id, wanted.user_name)
    if provider is None:
        return None
    found = SocialAccount.objects.select_related("user").filter(provider=provider.slug, uid=subject).first()
    if found is None or found.extra_data.get("issuer", provider.issuer) != provider.issuer:
        return None
    person = Person.objects.select_related("user").filter(user=found.user).first()
    if person is not None and (person.client_id != client.pk or person.left_at is None):
        raise Uniqueness("This person is provisioned already.")
    return person or Person(user=found.user, client=client)


def link(person: Person, user_name: str) -> None:
    """`user_name`: as the directory knows it. Raises Uniqueness where the subject is somebody else's."""
    provider, subject = _at(person.client, person.external_id, user_name)
    if provider is None:
        return
    rows = SocialAccount.objects.filter(provider=provider.slug)
    if rows.filter(uid=subject).exclude(user=person.user).exists():
        raise Uniqueness("This subject of the identity provider is somebody else's.")
    mine = rows.filter(user=person.user).first() or SocialAccount(user=person.user, provider=provider.slug)
    if mine.pk is None or mine.uid != subject:
        mine.uid, mine.extra_data = subject, {"issuer": provider.issuer}
        mine.save()
        record("sign_on.linked", person.user, provider=provider.slug, client=person.client.name)


def may_name(provider: Provider | None, organisation: UUID) -> bool:
    """Whether clients of this organisation may link their people to a provider: to those that are bound to it, those of
    the house also to those that are bound to none. None: it is not in use, and of the house for all that is known."""
    return (home_of(provider) if provider else HOUSE) == organisation


def _at(client: ProvisioningClient, external_id: str, user_name: str) -> tuple[Provider | None, str]:
    """The provider that is in use, and the subject there; None where there is none. What a client says of a subject at
    the provider of another organisation is not believed. Raises Uniqueness."""
    subject = external_id if client.subject == Subject.EXTERNAL_ID else user_name
    provider = providers.find(client.identity_provider) if client.identity_provider else None
    if provider is None or not 0 < len(subject) <= _LONGEST:
        return None, ""
    if not may_name(provider, client.tenant):
        raise Uniqueness(
            "Clients of this organisation link nobody to this identity provider.",
            advice="An administrator takes the provider out of the client under /admin/, Provisioning.",
        )
    return provider, subject
