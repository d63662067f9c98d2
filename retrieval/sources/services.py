"""What administrators do with sources."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from retrieval.errors import RetrievalError
from retrieval.models import Collection
from retrieval.sources.connector import kind_named, require
from retrieval.sources.errors import BadSourceSettings
from retrieval.sources.models import Source
from retrieval.sources.sync import KEY_NAME
from retrieval.stored_text import storable

_LONGEST_MINUTES = 60 * 24 * 366


class SourceNameTaken(RetrievalError):
    code, http_status = "name_taken", 409
    user_message = "There is a source of this name already."
    advice = "Choose another name."


class SourceBusy(RetrievalError):
    code, http_status, retryable = "source_busy", 409, True
    user_message = "The source is being read."
    advice = "Stop it first, or wait for its end."


def checked(kind: str, settings: Mapping[str, Any], key_name: str, every_minutes: int | None) -> dict[str, Any]:
    """The settings as they are kept. Raises BadSourceSettings."""
    require(isinstance(settings, Mapping), "The settings must be a JSON object.")
    require(not key_name or bool(re.fullmatch(KEY_NAME, key_name)), "The name of a key begins with SOURCE_KEY_.")
    fine = every_minutes is None or 1 <= every_minutes <= _LONGEST_MINUTES
    require(fine, f"A schedule is every 1 to {_LONGEST_MINUTES} minutes.")
    try:
        return kind_named(kind).check(settings)
    except ValueError as error:  # of urlsplit, and of checks of other packages
        raise BadSourceSettings("A setting is not what it should be.", detail=str(error)) from error


def create_source(
    *,
    name: str,
    collection: Collection,
    kind: str,
    settings: Mapping[str, Any],
    key_name: str = "",
    every_minutes: int | None = None,
    private_networks: bool = False,
) -> Source:
    """Its first run is due at once where it has a schedule."""
    name = " ".join(storable(name).split())
    require(0 < len(name) <= 120, "The name of a source has 1 to 120 characters.")
    kept = checked(kind, settings, key_name, every_minutes)
    try:
        with transaction.atomic():
            return Source.objects.create(
                name=name,
                collection=collection,
                kind=kind,
                settings=kept,
                key_name=key_name,
                every_minutes=every_minutes,
                private_networks=private_networks,
                due_at=timezone.now() if every_minutes else None,
            )
    except IntegrityError:
        raise SourceNameTaken from None


def change_source(
    source: Source,
    *,
    settings: Mapping[str, Any],
    key_name: str,
    every_minutes: int | None,
    enabled: bool,
    private_networks: bool,
) -> None:
    """Counts from the next run on. A schedule that is new or was changed begins now."""
    source.settings = checked(source.kind, settings, key_name, every_minutes)
    if every_minutes != source.every_minutes or enabled != source.enabled:
        source.due_at = timezone.now() if every_minutes and enabled else None
    source.key_name, source.every_minutes, source.enabled = key_name, every_minutes, enabled
    source.private_networks = private_networks
    source.save(update_fields=["settings", "key_name", "every_minutes", "enabled", "private_networks", "due_at"])


def ask_run(source: Source) -> bool:
    """-> False when one goes on already"""
    from retrieval.sources.tasks import publish_after_commit

    with transaction.atomic():
        idle = Source.objects.filter(pk=source.pk, state=Source.State.IDLE)
        begun = idle.update(
            state=Source.State.WAITING,
            run=F("run") + 1,
            counts={},
            attempts=0,
            stop_asked=False,
            started_at=timezone.now(),
            finished_at=None,
            lease_token=None,
            lease_until=None,
        )
        if begun:
            publish_after_commit(source.pk)
    return bool(begun)


def ask_stop(source: Source) -> None:
    """What was taken stays; nothing is removed. Takes effect within seconds."""
    Source.objects.filter(pk=source.pk).exclude(state=Source.State.IDLE).update(stop_asked=True)


def rest_all_of(tenant: UUID) -> None:
    """No schedule of theirs goes on, and what runs stops within seconds, until somebody turns them on again."""
    theirs = Source.objects.filter(tenant=tenant)
    theirs.update(enabled=False, due_at=None)
    theirs.exclude(state=Source.State.IDLE).update(stop_asked=True)


def accept_removals(source: Source) -> bool:
    """Run again, and remove what is not there then. -> False when a run goes on"""
    with transaction.atomic():
        idle = Source.objects.filter(pk=source.pk, state=Source.State.IDLE)
        return bool(idle.update(removals_accepted=True)) and ask_run(source)


def remove_source(source: Source, *, with_documents: bool) -> None:
    """Its documents stay in the collection; `with_documents`, a worker removes those that came from it alone, and then
    the source. Raises SourceBusy.
    """
    from retrieval.sources.tasks import publish_after_commit

    with transaction.atomic():
        held = Source.objects.select_for_update().filter(pk=source.pk).first()
        if held is None:
            return
        if held.state != Source.State.IDLE:
            raise SourceBusy
        if not with_documents:
            held.delete()
            return
        held.state, held.attempts, held.stop_asked, held.started_at = Source.State.REMOVING, 0, False, timezone.now()
        held.save()
        publish_after_commit(held.pk)
