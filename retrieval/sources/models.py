"""Places that documents are taken from again and again, and what was found there."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.leasing import Leased
from retrieval.models import Collection, Document
from retrieval.tenants import HOUSE


class Source(Leased):
    """A place, what to take from it into which collection, and how its last run went."""

    class State(models.TextChoices):
        IDLE = "idle", _("Idle")
        WAITING = "waiting", _("Waiting")  # asked for, not begun
        RUNNING = "running", _("Running")
        REMOVING = "removing", _("Removing")  # it goes, with its documents

    class Outcome(models.TextChoices):
        NONE = "", _("not run yet")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        STOPPED = "stopped", _("Stopped")
        HELD = "held", _("waits for a person")  # so much vanished at once that removing it needs a word

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    tenant = models.UUIDField(default=HOUSE, db_default=HOUSE, editable=False)  # its collection's; never changes
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="sources")
    kind = models.CharField(max_length=40)
    settings = models.JSONField(default=dict, blank=True)  # as its connector reads them
    key_name = models.CharField(max_length=80, blank=True)  # of the environment variable that holds its secret
    private_networks = models.BooleanField(default=False, db_default=False)  # may reach those that the operator names
    enabled = models.BooleanField(default=True)
    every_minutes = models.PositiveIntegerField(null=True, blank=True)  # null: only when asked

    state = models.CharField(max_length=8, choices=State, default=State.IDLE)
    outcome = models.CharField(max_length=8, choices=Outcome, default=Outcome.NONE, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)  # a sentence for people
    run = models.PositiveIntegerField(default=0)  # number of the one that goes on, or of the last
    counts = models.JSONField(default=dict, blank=True)  # of that run: seen, new, changed, removed, failed
    stop_asked = models.BooleanField(default=False)
    removals_accepted = models.BooleanField(default=False)
    due_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        indexes = [models.Index(fields=["state", "due_at"], name="sources_that_are_due")]
        constraints = [
            models.CheckConstraint(condition=~Q(outcome="failed") | ~Q(error=""), name="a_failed_source_has_a_reason"),
            models.UniqueConstraint(fields=["tenant", "name"], name="one_source_of_each_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *parts: Any, **named: Any) -> None:
        if self._state.adding:
            self.tenant = self.collection.tenant
        super().save(*parts, **named)


class SourceItem(models.Model):
    """One document of a source: which version of it is in the collection."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="items")
    key_hash = models.CharField(max_length=64)  # SHA-256 of `key`, which may be too long for an index
    key = models.TextField()  # path or address
    name = models.CharField(max_length=255)
    version = models.CharField(max_length=200)  # whatever tells the source's versions of it apart
    memo = models.JSONField(default=dict, blank=True)  # what its connector wants to know the next time
    run = models.PositiveIntegerField(default=0)  # the last one that found it, or that it is not to be kept
    since = models.PositiveIntegerField(default=0)  # the first one that found it
    absent = models.BooleanField(default=False)  # that run saw that it is gone or not for us
    document = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="source_items")
    incoming = models.ForeignKey(Document, null=True, on_delete=models.SET_NULL, related_name="incoming_items")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["source", "key_hash"], name="one_item_for_each_key")]
        indexes = [
            models.Index(fields=["source", "run"], name="items_of_a_run"),
            models.Index(fields=["incoming"], condition=Q(incoming__isnull=False), name="items_that_replace"),
        ]

    def __str__(self) -> str:
        return self.key

    def incoming_is_ready(self) -> bool:
        ready = Document.objects.filter(status=Document.Status.READY)
        return self.incoming_id is not None and ready.filter(pk=self.incoming_id).exists()


class FormerPlace(models.Model):
    """Where a document was that its source or a person took away, and who read it: should the source bring it back
    under the same name or with the same bytes, it is as closed as it was. Only for those that were closed.
    """

    # No constraint: rows are written while collections, and sources with them, are being deleted.
    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="former_places", db_constraint=False)
    key_hash = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    collection_key = models.UUIDField()  # may be gone
    restricted = models.BooleanField()
    readers = models.ManyToManyField(Group, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "key_hash"], name="one_former_place_for_each_key")]
        indexes = [models.Index(fields=["source", "sha256"], name="former_places_by_their_bytes")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.key_hash}"
