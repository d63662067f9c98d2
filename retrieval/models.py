"""Collections, documents, passages and their vectors: the truth from which every index can be rebuilt."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q


def _reach(user: Any) -> Literal["nothing", "shared", "everything"]:
    if not user.is_authenticated or not user.is_active:
        return "nothing"
    return "everything" if user.is_superuser else "shared"


def _shared_with(users: Sequence[Any]) -> Q:
    return Q(readers__user__in=[user.pk for user in users])


class CollectionQuerySet(models.QuerySet["Collection"]):
    def readable_by(self, user: Any) -> CollectionQuerySet:
        """Those that this person may ask: open to everyone signed in, or shared with one of their groups."""
        match _reach(user):
            case "nothing":
                return self.none()
            case "everything":
                return self
        return self.filter(Q(everyone=True) | _shared_with([user])).distinct()

    def readable_by_each(self, users: Sequence[Any]) -> dict[Any, frozenset[uuid.UUID]]:
        """The ids of `readable_by` for many people, by their keys, with two queries."""
        everyone = dict(self.values_list("pk", "everyone"))
        shared = defaultdict[Any, set[uuid.UUID]](set)
        for key, pk in self.filter(_shared_with(users)).values_list("readers__user", "pk"):
            shared[key].add(pk)

        def readable(user: Any) -> frozenset[uuid.UUID]:
            match _reach(user):
                case "nothing":
                    return frozenset()
                case "everything":
                    return frozenset(everyone)
            return frozenset(pk for pk in everyone if everyone[pk] or pk in shared[user.pk])

        return {user.pk: readable(user) for user in users}


class Collection(models.Model):
    """A set of documents with its own readers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    description = models.CharField(max_length=500, blank=True)
    everyone = models.BooleanField(
        "every signed-in person may read it",
        default=False,
        help_text="Otherwise only the groups named below.",
    )
    readers = models.ManyToManyField(Group, blank=True, related_name="readable_collections")
    stays_in_house = models.BooleanField(
        default=False, help_text="Its passages never reach an endpoint outside the house."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CollectionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """One file in one collection, and how far it has come. The row is the truth; Celery only drives it."""

    class Status(models.TextChoices):
        RECEIVED = "received"
        PARSING = "parsing"
        EMBEDDING = "embedding"
        READY = "ready"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)  # the file name as given
    path = models.CharField(max_length=1000, blank=True)  # the path as given, for those who ingest folders
    title = models.CharField(max_length=500, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    status = models.CharField(max_length=12, choices=Status, default=Status.RECEIVED)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)  # a sentence for people
    warnings = models.JSONField(default=list, blank=True)
    pages = models.PositiveIntegerField(null=True)
    passage_count = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0.0)  # spent in parsing and embedding
    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.UUIDField(null=True)  # fences writers: only the holder's result is taken
    lease_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "name"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="one_document_for_the_same_bytes"),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(ready_at__isnull=False), name="ready_means_ready_at_is_set"
            ),
            models.CheckConstraint(condition=~Q(status="failed") | ~Q(error=""), name="failed_means_a_reason"),
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="sweeper_finds_what_is_owed")]

    def __str__(self) -> str:
        return self.name


class Passage(models.Model):
    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=1000, blank=True)
    page = models.PositiveIntegerField(null=True)
    locator = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["document", "ordinal"], name="one_passage_at_each_place")]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


class PassageVector(models.Model):
    """The embedding of a passage by one model: little-endian float16, unit length."""

    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="vectors")
    model = models.CharField(max_length=120)
    vector = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["passage", "model"], name="one_vector_for_each_model")]

    def __str__(self) -> str:
        return f"{self.passage_id} by {self.model}"


class IndexChange(models.Model):
    """What index services have yet to apply, in commit order (writers hold an advisory lock until they commit)."""

    class Kind(models.TextChoices):
        ADD = "add"
        REMOVE = "remove"

    seq = models.BigAutoField(primary_key=True)
    document_id = models.UUIDField()
    collection_id = models.UUIDField(null=True)  # null in rows from before it was kept
    kind = models.CharField(max_length=6, choices=Kind)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["collection_id", "-seq"], name="newest_of_a_collection")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.document_id}"
