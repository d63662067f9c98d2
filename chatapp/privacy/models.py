"""The data key of each person, and how long conversations are kept."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PersonKey(models.Model):
    """What is personal is encrypted under this key; without it nobody can read that again, backups included.

    The row of a key that was destroyed stays: nobody makes the person a new one.
    """

    person = models.UUIDField(primary_key=True, editable=False)  # no constraint: it outlives the account
    wrapped = models.BinaryField(null=True)
    wrapped_by = models.CharField(max_length=16, blank=True)  # fingerprint of the key-encryption key
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(wrapped__isnull=False, destroyed_at=None) | Q(wrapped=None, destroyed_at__isnull=False),
                name="a_key_is_there_or_destroyed",
            )
        ]
        indexes = [models.Index(fields=["wrapped_by"], name="person_key_by_wrapping")]

    def __str__(self) -> str:
        return f"key of {self.person}"


class RetentionRule(models.Model):
    """How long conversations are kept behind their last message. Of several that hold for a person, the shortest."""

    group = models.OneToOneField(
        Group,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text=_("Without one: everybody who is in no group with a rule."),
    )
    days = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(36_500)],
        help_text=_("So many after its last message a conversation is deleted, with all that hangs on it."),
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["group"], nulls_distinct=False, name="one_retention_for_each_group"),
            models.CheckConstraint(condition=Q(days__gte=1, days__lte=36_500), name="retention_is_some_days"),
        ]

    def __str__(self) -> str:
        return f"{self.days} days for {self.group or 'everybody else'}"


class RetentionRun(models.Model):
    """The rules were applied, and so many conversations went: for the page that says when that was."""

    ended_at = models.DateTimeField(auto_now_add=True, db_index=True)
    conversations = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.conversations} conversations at {self.ended_at:%F %T}"
