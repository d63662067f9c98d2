"""What was attached to a conversation lies in a collection of its own, which nothing else leads to."""

from __future__ import annotations

from django.db import models

from chatapp.conversations.models import Conversation
from retrieval.models import Collection


class Attached(models.Model):
    """The collection of a conversation's files. It goes with its conversation, and takes the collection along."""

    conversation = models.OneToOneField(
        Conversation, primary_key=True, on_delete=models.CASCADE, related_name="attached"
    )
    collection = models.OneToOneField(Collection, on_delete=models.CASCADE, related_name="attached_to")

    def __str__(self) -> str:
        return str(self.conversation_id)
