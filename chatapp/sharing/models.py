"""What people let others read."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Share(models.Model):
    """A branch of a conversation as it stood when it was shared, or last renewed, for one person or one group.

    It holds no words: which messages, and how much of each. It ends with the conversation, and with those it names.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    conversation = models.ForeignKey("conversations.Conversation", on_delete=models.CASCADE, related_name="shares")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, on_delete=models.CASCADE, related_name="+")
    messages = ArrayField(models.UUIDField())  # from the first to the last
    lengths = ArrayField(models.PositiveIntegerField())  # characters of each: an answer may be continued later
    created_at = models.DateTimeField(auto_now_add=True)
    renewed_at = models.DateTimeField()

    class Meta:
        ordering = ["-renewed_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(person=None, group__isnull=False) | Q(person__isnull=False, group=None),
                name="shared_with_a_person_or_a_group",
            ),
            models.UniqueConstraint(
                fields=["conversation", "person", "group"], nulls_distinct=False, name="shared_once_with_each"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
