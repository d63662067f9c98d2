"""How much is allowed to whom, and what of it is used up."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from chatapp.accounts.models import ApiKey, User
from chatapp.organisations.models import Organisation


class Resource(models.TextChoices):
    REQUESTS = "requests", "requests"
    TOKENS = "tokens", "tokens of models"
    UPLOADS = "uploads", "uploaded documents"
    TURNS = "turns", "answers at the same time"


class Limit(models.Model):
    """Of a person, a group, an organisation, a key; of none of them: of everybody. Without a row, the settings hold."""

    resource = models.CharField(max_length=10, choices=Resource)
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    seconds = models.PositiveIntegerField(
        "in so many seconds", default=60, validators=[MinValueValidator(1)], help_text="Not for answers at one time."
    )
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    together = models.BooleanField(
        default=False,
        help_text="The people of the group or the organisation, or everybody, share this amount; "
        "otherwise each has it.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, seconds__gt=0), name="limit_is_more_than_nothing"),
            models.CheckConstraint(
                condition=Q(user=None, group=None, key=None)
                | Q(user=None, group=None, organisation=None)
                | Q(user=None, key=None, organisation=None)
                | Q(group=None, key=None, organisation=None),
                name="limit_is_of_one_at_most",
            ),
            models.CheckConstraint(
                condition=Q(together=False)
                | (Q(user=None, key=None) & (~Q(resource="turns") | Q(organisation__isnull=False))),
                name="limit_is_shared_by_many",
            ),
            models.UniqueConstraint(
                fields=["resource", "user", "group", "organisation", "key", "together"],
                nulls_distinct=False,
                name="one_limit_of_each_kind",
            ),
        ]

    def __str__(self) -> str:
        if self.resource == Resource.TURNS:
            return f"{self.amount} answers at the same time"
        return f"{self.amount} {self.resource} in {self.seconds} s"


class Counter(models.Model):
    """When a bucket will be empty again if nothing more is put in; kept without a journal: a crash empties them all."""

    name = models.CharField(max_length=100, primary_key=True)
    empty_at = models.FloatField()  # seconds since 1970

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """One of the answers that a program has running; it lapses where its process died."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    names = models.JSONField()  # of what it counts for
    until = models.FloatField(db_index=True)  # seconds since 1970

    def __str__(self) -> str:
        return str(self.id)
