"""What the processes tell one another through Postgres."""

from __future__ import annotations

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from chatapp.safety.models import FilterRule
from chatapp.signon.models import IdentityProvider


class Heartbeat(models.Model):
    """When a part of Footnote last showed that it works."""

    part = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.part} at {self.at}"


class Milestone(models.Model):
    """What was done once and must not be done again, such as loading the sample collection."""

    name = models.CharField(max_length=60, primary_key=True)
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Minute(models.Model):
    """One minute of the house, for the plots of the system page. Names nobody, and stays when its records have gone."""

    at = models.DateTimeField(primary_key=True)  # its begin

    # Summed up from records. `summed`: False where only a look at the queues made the row so far.
    summed = models.BooleanField(default=False)
    answers = models.PositiveIntegerField(default=0)  # that engines wrote, on the page and for programs
    failures = models.PositiveIntegerField(default=0)  # of engines; another one may have answered
    questions = models.PositiveIntegerField(default=0)  # on the page
    cached = models.PositiveIntegerField(default=0)  # of those, answered with what was kept
    unanswered = models.PositiveIntegerField(default=0)  # of those, failed or broken off
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    cost = models.DecimalField(max_digits=18, decimal_places=8, default=Decimal(0))
    first_token = ArrayField(models.PositiveIntegerField(), default=list)  # answers by histograms.FIRST_TOKEN_MS
    speed = ArrayField(models.PositiveIntegerField(), default=list)  # answers by histograms.TOKENS_A_SECOND
    documents = models.PositiveIntegerField(default=0)  # that became ready
    documents_failed = models.PositiveIntegerField(default=0)
    passages = models.PositiveIntegerField(default=0)  # embedded

    # Seen by the worker, the most of the minute; None: it did not look.
    running = models.PositiveIntegerField(null=True)  # answers on the page
    waiting = models.PositiveIntegerField(null=True)  # questions, in the queues of the model services
    documents_waiting = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("minute of the system")
        verbose_name_plural = _("System")

    def __str__(self) -> str:
        return f"{self.at:%F %H:%M}"


class FilterTrial(FilterRule):
    """The place of the try-it box in the administration; it has no rows of its own."""

    class Meta:
        proxy = True
        verbose_name = _("try-it box")
        verbose_name_plural = _("Try the content rules")


class ProviderTrial(IdentityProvider):
    """The place of the tests of identity providers in the administration; it has no rows of its own."""

    class Meta:
        proxy = True
        verbose_name = _("test of a sign-on")
        verbose_name_plural = _("Test a sign-on")
