"""Index versions: which model, cut and index kind answer questions, and which documents belong to each.

One version serves. Another is built beside it, document by document, checked, and put in its place.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.leasing import Leased
from retrieval.models import Document


class IndexVersion(Leased):
    """One way to make passages and vectors of all documents. The row is the truth; Celery only drives it."""

    class Status(models.TextChoices):
        BUILDING = "building", _("Building")  # takes documents in
        CHECKING = "checking", _("Checking")  # counts, checksums, recall, the questions of the gate
        READY = "ready", _("Ready")  # complete; serves as soon as it is promoted
        SERVING = "serving", _("Serving")
        RETIRED = "retired", _("Retired")  # served before, and is kept for going back
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    IN_WORK = (Status.BUILDING, Status.CHECKING, Status.READY)

    status = models.CharField(max_length=10, choices=Status, default=Status.BUILDING)
    embedding_model = models.CharField(max_length=200)
    dimension = models.PositiveIntegerField(null=True)  # known once its model has embedded something
    kind = models.CharField(_("index kind"), max_length=20, default="auto")
    promote = models.BooleanField(_("put it in service when it is ready"), default=True)
    accept_failures = models.BooleanField(_("serve without the documents that failed"), default=False)
    catch_up = models.BooleanField(default=True)  # documents may be missing: a builder is to look
    gate = models.CharField(max_length=120, blank=True)  # the question set that it must hold its own on
    note = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    report = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)  # a sentence for people
    queued_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    began_at = models.DateTimeField(null=True)  # taking documents in, since when nobody paused
    began_with = models.PositiveIntegerField(default=0)  # documents that it had then
    moved_at = models.DateTimeField(null=True)  # when something of it was last done
    waits_since = models.DateTimeField(null=True)  # ready, and asked of the index services
    served_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # retired, failed or cancelled
    cleared_at = models.DateTimeField(null=True)  # its vectors, cuts and folder are gone

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["status"], condition=Q(status="serving"), name="one_version_serves"),
            models.CheckConstraint(condition=~Q(status="failed") | ~Q(error=""), name="failed_version_says_why"),
        ]

    def __str__(self) -> str:
        return f"version {self.pk}"


class IndexedDocument(models.Model):
    """A document's place in a version, written in the transaction that makes it searchable there.

    With an `error`, the version has to do without it.
    """

    version = models.ForeignKey(IndexVersion, on_delete=models.CASCADE, related_name="members")
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="places")
    cut = models.CharField(max_length=16, blank=True)  # which of the document's sets of passages
    passages = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)  # that failed

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "document"], name="one_place_in_each_version"),
        ]
        indexes = [models.Index(fields=["version"], condition=~Q(error=""), name="what_a_version_lacks")]

    def __str__(self) -> str:
        return f"{self.document_id} in {self.version_id}"


class IndexServiceState(models.Model):
    """What a running index service says of itself every few seconds."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    seen_at = models.DateTimeField()
    serving = models.BigIntegerField(null=True)  # version; null before the first
    holds = models.JSONField(default=dict)  # versions that it can answer from, each with the newest change applied
    loading = models.JSONField(default=dict)  # versions on their way into it, each with the passages that are there
    loads_since = models.DateTimeField(null=True)  # when that changed last
    problem = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return self.name
