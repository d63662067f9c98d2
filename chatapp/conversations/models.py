"""Conversations, their message trees, and the turns that write answers."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q

from chatapp.privacy.fields import SealedJSONField, SealedTextField

LONGEST_TITLE = 200  # characters
MOST_PINNED = 50  # conversations of one person: they are all shown above the others


class Folder(models.Model):
    """Where a person keeps conversations of theirs. It holds none: each says itself where it lies."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="folders")
    name = SealedTextField(person="owner_id")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.id)


class Conversation(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="conversations")
    title = SealedTextField(blank=True, person="owner_id")
    temporary = models.BooleanField(default=False, db_default=False)  # not listed, searched or exported; soon deleted
    pinned = models.BooleanField(default=False, db_default=False)  # stands above the others
    archived = models.BooleanField(default=False, db_default=False)  # in a list of its own, until it is asked again
    # Its index is a partial one, below: most conversations lie in none.
    folder = models.ForeignKey(
        Folder, null=True, on_delete=models.SET_NULL, related_name="conversations", db_index=False
    )
    sealed = models.BooleanField(default=True, db_default=False)  # False: an earlier version wrote it; see older_texts
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-updated_at"]
        indexes = [
            models.Index(fields=["owner", "-updated_at"], name="conversation_list"),
            models.Index(fields=["updated_at"], condition=Q(temporary=True), name="temporary_chats"),
            models.Index(fields=["id"], condition=Q(sealed=False), name="conversations_to_seal"),
            models.Index(fields=["folder"], condition=Q(folder__isnull=False), name="conversations_in_folders"),
            models.Index(fields=["owner"], condition=Q(pinned=True), name="pinned_conversations"),
            models.Index(fields=["owner"], condition=Q(archived=True), name="archived_conversations"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Message(models.Model):
    """A node of the tree: an edited question or a regenerated answer is a sibling of the first one."""

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class Status(models.TextChoices):
        STREAMING = "streaming"
        COMPLETE = "complete"
        STOPPED = "stopped"  # by the asker
        INTERRUPTED = "interrupted"  # the process died or every engine broke off; can be continued
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    role = models.CharField(max_length=10, choices=Role)
    text = SealedTextField(blank=True, person="conversation.owner_id")
    status = models.CharField(max_length=12, choices=Status, default=Status.COMPLETE)
    engine = models.CharField(max_length=200, blank=True)  # who wrote it, as shown to people
    written_by = models.JSONField(default=list, blank=True)  # [{"engine", "from", "note"}]: where each writer begins
    error = models.JSONField(null=True)  # {"code", "message", "advice", "retryable"}
    sources = SealedJSONField(
        default=list, blank=True, person="conversation.owner_id"
    )  # what the turn was shown; see docs/protocol.md, Source
    documents = ArrayField(models.UUIDField(), null=True)  # behind `sources`, which nothing can look into
    unsupported = models.JSONField(
        null=True
    )  # [from, to] of sentences that no cited passage holds; None: not looked at
    usage = models.JSONField(default=dict, blank=True)
    timings = models.JSONField(default=dict, blank=True)  # milliseconds by stage
    # False: its words cannot be found yet, or an earlier version left it plain; see older_texts
    indexed = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["id"], condition=Q(indexed=False), name="messages_to_index")]
        constraints = [
            models.CheckConstraint(
                condition=Q(role="assistant") | Q(status="complete"), name="only_answers_have_a_fate"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.id}"


class Explanation(models.Model):
    """Why an answer is as it is, and what filters did to a question: see explained.py. It goes with its message."""

    message = models.OneToOneField(Message, on_delete=models.CASCADE, primary_key=True, related_name="explanation")
    kept = SealedJSONField(default=dict, person="message.conversation.owner_id")

    def __str__(self) -> str:
        return f"why {self.message_id}"


class FoundBy(models.Model):
    """The words of a message, or of the title of a conversation, as numbers that need its owner's key to be made."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="found_by")
    message = models.OneToOneField(Message, null=True, on_delete=models.CASCADE, related_name="found_by")
    tokens = ArrayField(models.BigIntegerField())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["conversation"], condition=Q(message=None), name="one_entry_for_each_title")
        ]
        indexes = [GinIndex(fields=["tokens"], name="found_by_tokens")]

    def __str__(self) -> str:
        return f"words of {self.message_id or self.conversation_id}"


class MaskedValue(models.Model):
    """What stands in the messages of a conversation for a value, and the value, sealed under the key of the owner."""

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="masked_values")
    name = models.CharField(max_length=40)  # as in the text: [email 1]
    sealed = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["conversation", "name"], name="one_value_for_each_placeholder")]

    def __str__(self) -> str:
        return self.name


class Citation(models.Model):
    """A numbered mark in an answer and the passage behind it. Names are kept: history outlives a deleted document."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="citations")
    number = models.PositiveSmallIntegerField()
    passage = models.ForeignKey("retrieval.Passage", null=True, on_delete=models.SET_NULL)
    document_name = SealedTextField(person="message.conversation.owner_id", place=("message_id", "number"))
    page = models.PositiveIntegerField(null=True)
    quote = SealedTextField(person="message.conversation.owner_id", place=("message_id", "number"))
    score = models.FloatField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["message", "number"], name="one_citation_for_each_mark")]

    def __str__(self) -> str:
        return f"[{self.number}]"


class Turn(models.Model):
    """One question on its way to an answer. `heartbeat_at` tells a living turn from one whose process died."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    asker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    question = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="+")
    answer = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="turns")
    running = models.BooleanField(default=True)
    collections = models.JSONField(null=True)  # ids that the asker chose to search; null: all that may be read
    filters = SealedJSONField(
        null=True, person="asker_id"
    )  # what else the search was narrowed to: documents.filters; null: nothing
    # The engine that the asker chose, to be asked first.
    prefers = models.CharField(max_length=200, blank=True, default="", db_default="")
    # Whoever asked may read what was attached: not so by a key or a widget, whoever goes on with the turn.
    reads_files = models.BooleanField(default=False, db_default=False)
    begins_at = models.PositiveIntegerField(default=0)  # characters of the answer that stood before this turn
    stop_requested = models.BooleanField(default=False)
    runner = models.UUIDField(null=True)  # the process that writes it; another one that took it over writes instead
    takeovers = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(auto_now_add=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["heartbeat_at"], condition=Q(running=True), name="turns_that_may_have_died")]

    def __str__(self) -> str:
        return str(self.id)
