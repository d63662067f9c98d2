"""Collections, documents, passages and their vectors: the truth from which every index can be rebuilt."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, cast

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from retrieval.counting_memberships import counting_memberships
from retrieval.further_readers import further_readers
from retrieval.leasing import Leased
from retrieval.tenants import HOUSE


@dataclass(frozen=True, slots=True)
class Reach:
    """What one person may find."""

    collections: frozenset[uuid.UUID] = frozenset()
    groups: frozenset[int] | None = frozenset()  # theirs, for documents with readers of their own; None: all of those

    def has(self, collection: uuid.UUID, readers: Set[int] | None) -> bool:
        """`readers`: those of the document's own; None where whoever reads the collection reads it."""
        return collection in self.collections and (
            readers is None or self.groups is None or not self.groups.isdisjoint(readers)
        )


def _reach(user: Any) -> Literal["nothing", "shared", "everything"]:
    if not user.is_authenticated or not user.is_active:
        return "nothing"
    return "everything" if user.is_superuser else "shared"


def _only(user: Any) -> frozenset[uuid.UUID] | None:
    """The collections that this request of the person's is about; None: all that they may read."""
    only: frozenset[uuid.UUID] | None = getattr(user, "only_collections", None)
    return only


def _groups_of(user: Any) -> models.QuerySet[Any, Any]:
    """The keys of those that give this person something, as a subquery."""
    return counting_memberships().filter(user=user).values("group")


class CollectionQuerySet(models.QuerySet["Collection"]):
    def readable_by(self, user: Any) -> CollectionQuerySet:
        """Those of their tenant that this person may ask: open to everyone there, or shared with a group of theirs."""
        if (only := _only(user)) is not None:
            self = self.filter(pk__in=only)
        match _reach(user):
            case "nothing":
                return self.none()
            case "everything":
                return self.filter(tenant=user.tenant)
        self = self.filter(tenant=user.tenant)
        further = further_readers().collections_of(user)
        return self.filter(Q(everyone=True) | Q(readers__in=_groups_of(user)) | Q(pk__in=further)).distinct()

    def reach_of_each(self, users: Sequence[Any]) -> dict[Any, Reach]:
        """`readable_by` for many people, and their groups, by their keys, with as many queries as for one."""
        rows = self.filter(tenant__in={user.tenant for user in users if user.is_authenticated})
        of_tenant = defaultdict[uuid.UUID, dict[uuid.UUID, bool]](dict)
        for pk, everyone, tenant in rows.values_list("pk", "everyone", "tenant"):
            of_tenant[tenant][pk] = everyone
        groups, shared = defaultdict[Any, set[int]](set), defaultdict[Any, set[uuid.UUID]](set)
        for user in users:
            groups[user.pk], shared[user.pk] = set(), set()
        memberships = counting_memberships().filter(user__in=groups)
        for key, group, collection in memberships.values_list("user", "group", "group__readable_collections"):
            groups[key].add(group)
            shared[key].add(collection)
        for key, collection in further_readers().of_each(list(groups)):
            shared[key].add(collection)

        def reach(user: Any) -> Reach:
            match _reach(user):
                case "nothing":
                    return Reach()
                case "everything":
                    return Reach(frozenset(of_tenant[user.tenant]), None)
            theirs = of_tenant[user.tenant].items()
            readable = frozenset(pk for pk, everyone in theirs if everyone or pk in shared[user.pk])
            return Reach(readable, frozenset(groups[user.pk]))

        return {user.pk: reach(user) for user in users}


_AllCollections = models.Manager.from_queryset(CollectionQuerySet)


class ListedCollections(_AllCollections["Collection"]):
    """Without those that hold what was attached to one conversation: no list, no search and no reader is given them,
    unless a caller asks for them by `with_attached`."""

    def get_queryset(self) -> CollectionQuerySet:
        return cast(CollectionQuerySet, super().get_queryset().filter(attached=False))


class Collection(models.Model):
    """A set of documents with its own readers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    tenant = models.UUIDField(default=HOUSE, db_default=HOUSE, editable=False)
    description = models.CharField(max_length=500, blank=True)
    everyone = models.BooleanField(
        _("every signed-in person may read it"),
        default=False,
        help_text=_("Otherwise only the groups named below."),
    )
    readers = models.ManyToManyField(Group, blank=True, related_name="readable_collections")
    stays_in_house = models.BooleanField(
        default=False, help_text=_("Its passages never reach an endpoint outside the house.")
    )
    chunk_tokens = models.PositiveSmallIntegerField(null=True, blank=True)  # of a passage at most; null: the house's
    chunk_overlap_tokens = models.PositiveSmallIntegerField(null=True, blank=True)
    served_at = models.DateTimeField(null=True, editable=False)  # when a worker last took one of its documents
    # It holds what was attached to one conversation of one person: the application says who reads it, nothing here.
    attached = models.BooleanField(default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ListedCollections()  # the first one: what Django lists by itself is without attachments as well
    with_attached = _AllCollections()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"], condition=Q(attached=False), name="one_listed_collection_of_each_name"
            )
        ]
        indexes = [
            models.Index(fields=["tenant"], condition=Q(attached=False), name="listed_collections"),
            models.Index(fields=["id"], condition=Q(attached=True), name="attached_collections"),
            models.Index(fields=["tenant", "attached", "served_at"], name="line_served_last"),
        ]

    def __str__(self) -> str:
        return self.name


class DocumentQuerySet(models.QuerySet["Document"]):
    def readable_by(self, user: Any) -> DocumentQuerySet:
        """Those in collections that this person may ask, but for ones with readers of their own who are others."""
        match _reach(user):
            case "nothing":
                return self.none()
            case "everything":
                return self.filter(collection__in=Collection.objects.readable_by(user))
        own = Document.readers.through.objects.filter(document=OuterRef("pk"), group__in=_groups_of(user))
        return self.filter(Q(restricted=False) | Exists(own), collection__in=Collection.objects.readable_by(user))

    def own_readers(self) -> dict[uuid.UUID, frozenset[int]]:
        """The groups of those that have readers of their own."""
        found = defaultdict[uuid.UUID, set[int]](set)
        for pk, group in self.filter(restricted=True).values_list("pk", "readers"):
            found[pk] |= {group} - {None}
        return {pk: frozenset(groups) for pk, groups in found.items()}

    def groups_among(self, groups: Set[int]) -> frozenset[int]:
        """Those that some document has as readers of its own."""
        own = Document.readers.through.objects.filter(group=OuterRef("pk"), document__restricted=True)
        return frozenset(Group.objects.filter(Exists(own), pk__in=groups).values_list("pk", flat=True))


class Document(Leased):
    """One file in one collection, and how far it has come. The row is the truth; Celery only drives it."""

    class Status(models.TextChoices):
        RECEIVED = "received", _("Received")
        PARSING = "parsing", _("Parsing")
        EMBEDDING = "embedding", _("Embedding")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    collection = models.ForeignKey(Collection, on_delete=models.CASCADE, related_name="documents")
    name = models.CharField(max_length=255)  # the file name as given
    path = models.CharField(max_length=1000, blank=True)  # the path as given, for those who ingest folders
    title = models.CharField(max_length=500, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    dated_at = models.DateTimeField(null=True)  # when its source says that it was written or changed
    restricted = models.BooleanField(
        _("has readers of its own"),
        default=False,
        help_text=_("Of those who may read its collection, only the groups named here."),
    )
    readers = models.ManyToManyField(Group, blank=True, related_name="readable_documents")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    by_hand = models.BooleanField(default=True)  # else a source alone brought it, and takes it away again
    status = models.CharField(max_length=12, choices=Status, default=Status.RECEIVED)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)  # a sentence for people
    warnings = models.JSONField(default=list, blank=True)
    pages = models.PositiveIntegerField(null=True)
    passage_count = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0.0)  # spent in parsing and embedding
    queued_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "name"]
        constraints = [
            models.UniqueConstraint(fields=["collection", "sha256"], name="one_document_for_the_same_bytes"),
            models.CheckConstraint(
                condition=~Q(status="ready") | Q(ready_at__isnull=False), name="ready_means_ready_at_is_set"
            ),
            models.CheckConstraint(condition=~Q(status="failed") | ~Q(error=""), name="failed_means_a_reason"),
        ]
        indexes = [
            models.Index(fields=["status", "lease_until"], name="sweeper_finds_what_is_owed"),
            models.Index(fields=["collection", "status", "queued_at"], name="oldest_owed_of_a_collection"),
            models.Index(
                fields=["status", "collection"],
                condition=Q(status__in=["received", "parsing", "embedding"]),
                name="collections_that_owe_work",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PassageQuerySet(models.QuerySet["Passage"]):
    def readable_by(self, user: Any) -> PassageQuerySet:
        return self.filter(document__in=Document.objects.readable_by(user))


class Passage(models.Model):
    """A piece of a document. `cut` names the settings it was cut with: there may be a set of them for each."""

    id = models.BigAutoField(primary_key=True)
    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages")
    ordinal = models.PositiveIntegerField()
    text = models.TextField()
    heading = models.CharField(max_length=1000, blank=True)
    page = models.PositiveIntegerField(null=True)
    locator = models.CharField(max_length=200, blank=True)
    boxes = models.JSONField(default=list, blank=True)  # contracts.Box as lists: [page, left, top, right, bottom]
    cut = models.CharField(max_length=16, blank=True, default="")

    objects = PassageQuerySet.as_manager()

    class Meta:
        ordering = ["document", "ordinal"]
        constraints = [
            models.UniqueConstraint(fields=["document", "cut", "ordinal"], name="one_passage_at_each_place_of_a_cut")
        ]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"


class PassageVector(models.Model):
    """The embedding of a passage by one model: little-endian float16, unit length."""

    passage = models.ForeignKey(Passage, on_delete=models.CASCADE, related_name="vectors")
    model = models.CharField(max_length=200)
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
        ACCESS = "access"  # who may read it, or what filters know of it; its passages are the same

    seq = models.BigAutoField(primary_key=True)
    document_id = models.UUIDField()
    collection_id = models.UUIDField(null=True)  # null in rows from before it was kept
    kind = models.CharField(max_length=6, choices=Kind)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["collection_id", "-seq"], name="newest_of_a_collection")]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind} {self.document_id}"
