"""Names as directories know them, and as they are stored: those of people and groups are one set for all
organisations, and each has a part of it (chatapp/organisations/boundaries.py). Of the house they are the same."""

from __future__ import annotations

from chatapp.organisations.boundaries import name_within, person_name
from chatapp.organisations.names import NameOfAnother, require_name_within, require_person_name
from chatapp.scim.errors import InvalidValue
from chatapp.scim.models import ProvisioningClient
from retrieval.tenants import HOUSE


def stored_person(client: ProvisioningClient, name: str) -> str:
    return person_name(name, client.tenant)


def require_person(client: ProvisioningClient, stored: str) -> None:
    """Raises InvalidValue."""
    try:
        require_person_name(stored, client.tenant)
    except NameOfAnother as error:
        raise InvalidValue(f"`userName`: {error.user_message}") from None


def require_group(client: ProvisioningClient, stored: str) -> None:
    """Raises InvalidValue."""
    try:
        require_name_within(stored, client.tenant)
    except NameOfAnother as error:
        raise InvalidValue(f"`displayName`: {error.user_message}") from None


def shown_person(client: ProvisioningClient, stored: str) -> str:
    return stored if _is_of_the_house(client) else stored.removesuffix(f"@{client.organisation.slug}")


def stored_group(client: ProvisioningClient, name: str) -> str:
    return name_within(name, client.tenant)


def shown_group(client: ProvisioningClient, stored: str) -> str:
    return stored if _is_of_the_house(client) else stored.removeprefix(f"{client.organisation.slug}/")


def _is_of_the_house(client: ProvisioningClient) -> bool:
    return client.tenant == HOUSE
