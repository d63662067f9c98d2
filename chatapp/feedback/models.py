"""What people say of their answers."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from chatapp.privacy.fields import SealedTextField

MOST_CHARACTERS = 2000  # of what was wrong, and as many of what would have been right
NOTE_CHARACTERS = 1000


class Rating(models.Model):
    """One for each message and person."""

    class Value(models.IntegerChoices):
        GOOD = 1, "good"
        BAD = -1, "bad"

    class Reason(models.TextChoices):
        WRONG = "wrong", "It is wrong"
        UNSUPPORTED = "unsupported", "The sources do not say so"
        INCOMPLETE = "incomplete", "Something is missing"
        OFF_TOPIC = "off_topic", "It answers another question"
        UNCLEAR = "unclear", "It is hard to understand"
        SLOW = "slow", "It took too long"

    message = models.ForeignKey("conversations.Message", on_delete=models.CASCADE, related_name="ratings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    value = models.SmallIntegerField(choices=Value)
    reasons = ArrayField(models.CharField(max_length=12, choices=Reason), default=list, blank=True)
    text = SealedTextField(
        blank=True, max_length=MOST_CHARACTERS, person="person_id", place=("message_id", "person_id")
    )
    correction = SealedTextField(
        blank=True, default="", db_default="", max_length=MOST_CHARACTERS,
        person="person_id", place=("message_id", "person_id"),
    )  # fmt: skip
    # When the person sent it to those who look after the documents, with the question and the answer. None: they did
    # not, and it is counted alone; so is all that was said before there was a page for curators.
    sent_at = models.DateTimeField(null=True)
    # As far as the answer was written then: it may be continued, which nobody sent.
    sent_length = models.PositiveIntegerField(default=0, db_default=0)  # characters
    sent_passages = ArrayField(models.BigIntegerField(), null=True)  # behind the answer
    open = models.BooleanField(default=False, db_default=False)  # sent, and without Handled: for the index below
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(fields=["sent_at", "id"], condition=Q(sent_at__isnull=False), name="ratings_sent_to_curators"),
            models.Index(fields=["sent_at", "id"], condition=Q(open=True), name="ratings_open_to_curators"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["message", "person"], name="one_rating_for_each_message_and_person"),
            models.CheckConstraint(condition=Q(value__in=[1, -1]), name="a_rating_is_good_or_bad"),
        ]

    def __str__(self) -> str:
        return f"{self.get_value_display()} {self.message_id}"


class Handled(models.Model):
    """That a curator has seen to what somebody sent. Each time is a new row: its number says which one is undone.

    The note is about that person's question: it is sealed as theirs, and goes with the rating."""

    rating = models.OneToOneField(Rating, on_delete=models.CASCADE, related_name="handled")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    note = SealedTextField(blank=True, max_length=NOTE_CHARACTERS, person="rating.person_id", place=("rating_id",))
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"handled {self.rating_id}"
