"""What one client changes, one change after the other: what is unique is looked for before it is written."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction

from chatapp.scim.errors import Changed, Uniqueness
from chatapp.scim.models import ProvisioningClient
from chatapp.scim.profiles import Members, Profile


@contextmanager
def change_of(client: ProvisioningClient) -> Iterator[None]:
    """Raises Uniqueness where another client, or a page, was a moment earlier."""
    try:
        with transaction.atomic():
            ProvisioningClient.objects.select_for_update(no_key=True).get(pk=client.pk)
            yield
    except IntegrityError:
        raise Uniqueness from None


def version_of(state: Profile | Members) -> str:
    """A weak ETag (RFC 7232, 2.3) of all that can be changed."""
    if isinstance(state, Members):  # sets have no order of their own
        told = repr((state.display_name, state.external_id, sorted(map(str, state.people))))
    else:
        told = repr(state)
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:16]}"'


def check_version(state: Profile | Members, expected: str) -> None:
    """`expected`: what came as If-Match; empty: nothing did. Raises Changed."""
    wanted = {one.strip() for one in expected.split(",")}
    if expected and "*" not in wanted and version_of(state) not in wanted:
        raise Changed
