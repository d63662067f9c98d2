"""Making, closing and opening organisations, and moving people from one to another; each with its line in the trail."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from chatapp.accounts.keys import kept_keys, revoke
from chatapp.accounts.models import OneTimeLink, User
from chatapp.conversations.models import Turn
from chatapp.errors import Invalid
from chatapp.governance.services import record
from chatapp.organisations import names
from chatapp.organisations.models import Organisation
from chatapp.roles.models import Appointment
from chatapp.roles.services import dismiss
from chatapp.signon import credentials
from retrieval.sources.services import rest_all_of
from retrieval.tenants import HOUSE


def name_of(given: str) -> str:
    """As it is stored: without spaces that nobody sees."""
    return " ".join(given.split())


def require_free_slug(slug: str) -> None:
    """What somebody else's names would read as is nobody's short name. Raises Invalid."""
    if slug and names.is_in_use(slug):
        sentence = f"There are people, groups or word lists whose names end with @{slug} or begin with {slug}/."
        raise Invalid(sentence, advice="Choose another short name, or rename them.")


@transaction.atomic
def create_organisation(*, name: str, slug: str, by: User | None) -> Organisation:
    """Raises Invalid."""
    made = Organisation(name=name_of(name), slug=slug)
    require_free_slug(slug)
    try:
        made.full_clean()
        with transaction.atomic():
            made.save(force_insert=True)
    except (ValidationError, IntegrityError) as error:
        sentence = " ".join(error.messages) if isinstance(error, ValidationError) else "There is one of this name."
        raise Invalid(sentence) from None
    record("organisation.added", made.name, by, organisation=made.pk, slug=slug)
    return made


@transaction.atomic
def close_organisation(organisation: Organisation, *, by: User | None) -> int:
    """Nobody of it is let in, and what runs for them ends within seconds, as where an account is closed. -> how many
    accounts. Raises Invalid."""
    held = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if held.pk == HOUSE:
        raise Invalid("Those who run Footnote are of this organisation: it stays open.")
    if held.people.filter(is_superuser=True, is_active=True).exists():
        raise Invalid("Somebody of it administers Footnote.", advice="Move them to another organisation first.")
    Organisation.objects.filter(pk=held.pk).update(is_active=False)
    # A statement of its own behind the row's lock: whoever was made meanwhile is seen.
    closed = held.people.filter(is_active=True).update(is_active=False, closed_with_organisation=True)
    rest_all_of(held.pk)
    record("organisation.closed", held.name, by, organisation=held.pk, people=closed)
    organisation.is_active = False
    return closed


@transaction.atomic
def open_organisation(organisation: Organisation, *, by: User | None) -> int:
    """Whose account was closed with it has it again; sources rest until somebody turns them on. -> how many"""
    held = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    Organisation.objects.filter(pk=held.pk).update(is_active=True)
    theirs = held.people.filter(closed_with_organisation=True)
    opened = theirs.update(is_active=True, closed_with_organisation=False)
    record("organisation.opened", held.name, by, organisation=held.pk, people=opened)
    organisation.is_active = True
    return opened


@transaction.atomic
def move_person(person: User, to: Organisation, *, by: User | None) -> None:
    """With nothing of where they were: no groups, roles, keys or sessions (whose hash holds since when somebody is
    where they are), and no conversations, which rest on its documents. What they have open ends within seconds.
    Nor with a password, second factors or links to providers, which somebody there may have chosen: unless they move
    themselves, they need a one-time link. Raises Invalid."""
    held = User.objects.select_for_update().get(pk=person.pk)
    if held.organisation_id == to.pk:
        return
    if held.is_superuser and not to.is_active:
        raise Invalid("That organisation is closed.", advice="Open it first.")
    record("organisation.left", held, by, organisation=held.tenant)
    _leave(held, by)
    held.organisation_id, held.organisation_since = to.pk, timezone.now()
    held.is_active = held.is_active or held.closed_with_organisation  # where the new one is open: see the trigger
    held.closed_with_organisation = False
    held.save(update_fields=["organisation", "organisation_since", "is_active", "closed_with_organisation"])
    record("organisation.joined", held, by, organisation=to.pk)
    person.refresh_from_db()


def _leave(person: User, by: User | None) -> None:
    person.groups.clear()
    for role in Appointment.objects.filter(user=person).select_related("collection", "user", "group"):
        dismiss(role, by=by)
    for key in kept_keys(person):
        revoke(key, by=by or person)
    if person != by:
        credentials.end_all(person, by=by, way="moved to another organisation")
    User.objects.filter(owner=person).update(owner=None)  # service accounts stay where they are
    OneTimeLink.objects.filter(user=person, used_at=None).delete()
    Turn.objects.filter(asker=person, running=True).update(stop_requested=True)
