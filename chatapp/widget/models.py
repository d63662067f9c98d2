"""Chat widgets on pages of others, and whose conversation is whose among visitors without an account."""

from __future__ import annotations

import secrets
import uuid
from typing import cast

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation
from chatapp.organisations.models import Organisation
from retrieval.models import Collection
from retrieval.tenants import HOUSE


def new_key() -> str:
    """It stands in the pages that show the widget: it names, and is no secret."""
    return f"w-{secrets.token_urlsafe(18)}"


class Widget(models.Model):
    class Side(models.TextChoices):
        END = "end", _("at the end of the line (right, where text runs from the left)")
        START = "start", _("at the beginning of the line")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, default=HOUSE, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80, help_text=_("For the administration and the audit trail."))
    key = models.CharField(max_length=40, unique=True, default=new_key, editable=False)
    is_on = models.BooleanField(_("in use"), default=True)
    origins = models.TextField(
        help_text=_("Of the pages that may show it, one to a line: https://intranet.example.com. No other page can.")
    )
    collections = models.ManyToManyField(
        Collection, related_name="+", help_text=_("It searches these, and of these what its asker may read.")
    )
    title = models.CharField(max_length=60, blank=True, help_text=_("Empty: the name of this Footnote."))
    greeting = models.CharField(max_length=300, blank=True, help_text=_("Above the first question."))
    accent = models.CharField(
        _("colour"),
        max_length=7,
        default="#1f5f5b",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write it as #1f5f5b."))],
        help_text=_("Of the button and of the head. Words on it are black or white, whichever can be read better."),
    )
    side = models.CharField(max_length=5, choices=Side, default=Side.END)
    visitors = models.BooleanField(
        _("answers people who are not signed in"),
        default=False,
        help_text=_(
            "Then whoever reaches Footnote and knows the key, which stands in the intranet's page, reads these "
            "collections: origins hold browsers back, not programs. Documents with readers of their own stay closed."
        ),
    )
    visitor_answers = models.PositiveSmallIntegerField(
        _("answers to them at the same time"), default=3, validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    visitor_questions = models.PositiveIntegerField(
        _("questions of all of them in an hour"), default=200, validators=[MinValueValidator(1)]
    )
    address_questions = models.PositiveIntegerField(
        _("questions from one address in an hour"), default=20, validators=[MinValueValidator(1)]
    )
    # As whom they ask, and the group by which that account reads the collections: both are the widget's own.
    account = models.OneToOneField(User, null=True, editable=False, on_delete=models.SET_NULL, related_name="widget")
    readers = models.OneToOneField(Group, null=True, editable=False, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    renewed_at = models.DateTimeField(null=True, editable=False)  # when the key was last changed

    class Meta:
        ordering = ["name"]
        verbose_name = _("chat widget")
        constraints = [
            models.UniqueConstraint(fields=["organisation", "name"], name="one_widget_of_each_name"),
            models.CheckConstraint(
                condition=Q(visitor_answers__gt=0, visitor_questions__gt=0, address_questions__gt=0),
                name="widget_limits_are_more_than_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tenant(self) -> uuid.UUID:
        return cast(uuid.UUID, self.organisation_id)

    @property
    def origin_list(self) -> list[str]:
        return self.origins.split()


class Visit(models.Model):
    """A conversation of somebody without an account: the widget's account owns it, and this visitor alone reads it."""

    conversation = models.OneToOneField(Conversation, on_delete=models.CASCADE, related_name="visit")
    widget = models.ForeignKey(Widget, on_delete=models.CASCADE, related_name="+")
    visitor = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["visitor"], name="visits_of_a_visitor")]

    def __str__(self) -> str:
        return str(self.conversation_id)
