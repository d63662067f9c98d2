"""What administrators and curators do with sources, each with its line in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from chatapp import access
from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.governance.services import record
from retrieval.models import Collection
from retrieval.sources import services
from retrieval.sources.connector import Kind, kinds
from retrieval.sources.models import Source

MOST_LISTED = 500
_ITEMS_SHOWN = 200
_FOR_CURATORS = ("web",)


def get_source(user: User, pk: UUID | str) -> Source:
    """Of a collection that the person looks after."""
    try:
        found = of_curator(user).filter(pk=UUID(str(pk))).first()
    except ValueError:
        found = None
    if found is None:
        raise NotFound
    return found


def of_curator(user: User) -> QuerySet[Source]:
    return Source.objects.filter(collection__in=access.curated(user)).select_related("collection")


def require_free_hand(user: User, *, kind: str, key_name: str) -> None:
    """Who is no administrator makes and changes what reads public pages alone: folders of this machine, and what the
    house's keys open, are not theirs to give to a collection."""
    if kind not in _FOR_CURATORS or key_name:
        access.require_administrator(user)


def kinds_for(user: User) -> dict[str, Kind]:
    return {name: kind for name, kind in kinds().items() if user.is_superuser or name in _FOR_CURATORS}


def get_source_by_name(user: User, name: str, organisation: UUID) -> Source:
    """Each organisation has names of its own."""
    access.require_administrator(user)
    found = of_curator(user).filter(name=name, tenant=organisation).first()
    if found is None:
        raise NotFound(f"There is no source named {name!r}.", advice="`manage.py sources list` shows them.")
    return found


def add(
    *,
    by: User,
    name: str,
    collection: Collection,
    kind: str,
    settings: Mapping[str, Any],
    key_name: str = "",
    every_minutes: int | None = None,
    private_networks: bool | None = None,
) -> Source:
    with transaction.atomic():
        require_free_hand(by, kind=kind, key_name=key_name)
        reaches = _reaches_private_networks(by, private_networks, usual=by.is_superuser)
        source = services.create_source(
            name=name,
            collection=collection,
            kind=kind,
            settings=settings,
            key_name=key_name,
            every_minutes=every_minutes,
            private_networks=reaches,
        )
        detail: dict[str, Any] = {"kind": kind, "collection": collection.name, "settings": source.settings}
        record("source.added", source.name, by, organisation=collection.tenant, **detail)
    return source


def change(
    source: Source,
    *,
    by: User,
    settings: Mapping[str, Any],
    key_name: str,
    every_minutes: int | None,
    enabled: bool,
    private_networks: bool | None = None,
) -> None:
    """What an administrator let it reach holds for the settings that the administrator saw."""
    before = _picture(source)
    require_free_hand(by, kind=source.kind, key_name=key_name or source.key_name)
    kept = services.checked(source.kind, settings, key_name, every_minutes) == source.settings
    usual = source.private_networks if kept else by.is_superuser
    with transaction.atomic():
        services.change_source(
            source,
            settings=settings,
            key_name=key_name,
            every_minutes=every_minutes,
            enabled=enabled,
            private_networks=_reaches_private_networks(by, private_networks, usual=usual),
        )
        now = _picture(source)
        if different := {name: {"from": before[name], "to": now[name]} for name in now if before[name] != now[name]}:
            record("source.changed", source.name, by, organisation=source.collection.tenant, **different)


def _reaches_private_networks(by: User, wanted: bool | None, *, usual: bool) -> bool:
    """The networks of RETRIEVAL_SOURCE_NETWORKS are open to sources of administrators alone."""
    if wanted is not None:
        access.require_administrator(by)
    return usual if wanted is None else wanted


def run(source: Source, *, by: User) -> bool:
    with transaction.atomic():
        begun = services.ask_run(source)
        if begun:
            record("source.run", source.name, by, organisation=source.collection.tenant)
    return begun


def stop(source: Source, *, by: User) -> None:
    with transaction.atomic():
        services.ask_stop(source)
        record("source.stopped", source.name, by, organisation=source.collection.tenant)


def accept_removals(source: Source, *, by: User) -> bool:
    with transaction.atomic():
        begun = services.accept_removals(source)
        if begun:
            record("source.removals_accepted", source.name, by, organisation=source.collection.tenant)
    return begun


def remove(source: Source, *, by: User, with_documents: bool) -> None:
    """Raises SourceBusy."""
    with transaction.atomic():
        services.remove_source(source, with_documents=with_documents)
        record("source.removed", source.name, by, organisation=source.collection.tenant, with_documents=with_documents)


def source_json(source: Source) -> dict[str, Any]:
    return {
        "id": str(source.pk),
        "name": source.name,
        "collection": source.collection.name,
        "kind": source.kind,
        "settings": source.settings,
        "key_name": source.key_name,
        "private_networks": source.private_networks,
        "enabled": source.enabled,
        "every_minutes": source.every_minutes,
        "state": source.state,
        "outcome": source.outcome,
        "error": source.error,
        "counts": source.counts,
        "due_at": source.due_at and source.due_at.isoformat(),
        "started_at": source.started_at and source.started_at.isoformat(),
        "finished_at": source.finished_at and source.finished_at.isoformat(),
    }


def failures(source: Source) -> list[dict[str, str]]:
    rows = source.items.exclude(error="").values_list("key", "error_code", "error")[:_ITEMS_SHOWN]
    return [{"document": key, "code": code, "error": error} for key, code, error in rows]


def _picture(source: Source) -> dict[str, Any]:
    return {
        "settings": source.settings,
        "key_name": source.key_name,
        "every_minutes": source.every_minutes,
        "enabled": source.enabled,
        "private_networks": source.private_networks,
    }
