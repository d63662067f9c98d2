"""How much is allowed to whom, and what of it is used up."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatapp.accounts.models import ApiKey, User
from chatapp.organisations.models import Organisation


class Resource(models.TextChoices):
    REQUESTS = "requests", _("requests")
    QUESTIONS = "questions", _("questions")
    TOKENS = "tokens", _("tokens of models")
    UPLOADS = "uploads", _("uploaded documents")
    TURNS = "turns", _("answers at the same time")


class Limit(models.Model):
    """Of a person, a group, an organisation, a key; of none of them: of everybody. Without a row, the settings hold."""

    resource = models.CharField(
        max_length=10,
        choices=Resource,
        help_text=_(
            "Questions are those on the page and of programs, answers that are written again as well. Requests "
            "are every call of a program and of the page itself, which makes several for a question."
        ),
    )
    amount = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    seconds = models.PositiveIntegerField(
        _("in so many seconds"),
        default=60,
        validators=[MinValueValidator(1)],
        help_text=_("Not for answers at one time."),
    )
    user = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey(Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(ApiKey, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    together = models.BooleanField(
        default=False,
        help_text=_(
            "The people of the group or the organisation, or everybody, share this amount; otherwise each has it."
        ),
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


class Budget(models.Model):
    """What answers for the people of an organisation, or of a group, may use of models in a calendar month."""

    organisation = models.OneToOneField(Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    group = models.OneToOneField(Group, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    tokens = models.PositiveBigIntegerField(
        _("tokens a month"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Read and written by models. Empty: not bounded."),
    )
    cost = models.DecimalField(
        _("cost a month"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=_("In the currency of the models' prices; models without a price cost nothing. Empty: not bounded."),
    )
    warn_percent = models.PositiveSmallIntegerField(
        _("warn at (%)"),
        default=80,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Where so much of it is used, it is marked on the list and written in the audit trail."),
    )
    made_at = models.DateTimeField(null=True, editable=False)  # it counts from then on; null: not known

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(organisation=None, group__isnull=False) | Q(organisation__isnull=False, group=None),
                name="a_budget_is_of_one",
            ),
            models.CheckConstraint(
                condition=Q(tokens__isnull=False) | Q(cost__isnull=False), name="a_budget_bounds_something"
            ),
            models.CheckConstraint(
                condition=(Q(tokens=None) | Q(tokens__gt=0))
                & (Q(cost=None) | Q(cost__gt=0))
                & Q(warn_percent__gte=1, warn_percent__lte=100),
                name="a_budget_is_more_than_nothing",
            ),
        ]

    def __str__(self) -> str:
        bounds = (
            None if self.tokens is None else f"{self.tokens} tokens",
            None if self.cost is None else f"a cost of {self.cost}",
        )
        return f"{' and '.join(one for one in bounds if one)} a month"


class Spent(models.Model):
    """What was used of a budget in one month, since there is that budget."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="months")
    month = models.DateField()  # its first day
    tokens = models.BigIntegerField(default=0)
    cost = models.DecimalField(max_digits=20, decimal_places=8, default=Decimal(0))
    warned_at = models.DateTimeField(null=True)  # when its share was reached; again after the budget was changed
    stopped_at = models.DateTimeField(null=True)  # when somebody was first refused

    class Meta:
        constraints = [models.UniqueConstraint(fields=["budget", "month"], name="one_sum_for_each_month")]

    def __str__(self) -> str:
        return f"{self.tokens} tokens in {self.month:%Y-%m}"


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
