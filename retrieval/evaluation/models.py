"""Question sets, their frozen versions, and runs over them."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.leasing import Leased
from retrieval.models import Collection
from retrieval.tenants import HOUSE


class Frozen(Exception):
    """A version of a question set never changes; a new one is made."""


class QuestionSet(models.Model):
    """A name under which versions are kept."""

    name = models.CharField(max_length=120)
    tenant = models.UUIDField(default=HOUSE, db_default=HOUSE, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="one_question_set_of_each_name")]

    def __str__(self) -> str:
        return self.name


class QuestionSetVersion(models.Model):
    """The questions as they were at one time. A trigger in the database refuses every change."""

    question_set = models.ForeignKey(QuestionSet, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    questions = models.PositiveIntegerField()
    origin = models.CharField(max_length=300, blank=True)  # the file it came from
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    class Meta:
        ordering = ["question_set__name", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["question_set", "number"], name="one_version_of_each_number"),
            models.UniqueConstraint(fields=["question_set", "sha256"], name="one_version_for_the_same_questions"),
        ]

    def __str__(self) -> str:
        return f"{self.question_set.name}@{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise Frozen
        super().save(*args, **kwargs)


class Question(models.Model):
    """One of a version: a `rows.Row`."""

    version = models.ForeignKey(QuestionSetVersion, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()  # from 1, in the order of the import
    text = models.TextField()
    targets = models.JSONField()
    answer = models.TextField(blank=True)
    tags = models.JSONField(default=list)
    language = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["version", "number"]
        constraints = [models.UniqueConstraint(fields=["version", "number"], name="one_question_of_each_number")]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            raise Frozen
        super().save(*args, **kwargs)


class EvaluationRun(Leased):
    """A version asked of an index version. The row is the truth; Celery only drives it."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    OPEN = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(QuestionSetVersion, on_delete=models.CASCADE, related_name="runs")
    index_version = models.PositiveBigIntegerField(null=True)  # null: whichever answers when it begins
    embedding_model = models.CharField(max_length=200, blank=True)  # of that version, as it was
    person = models.ForeignKey(  # whose permissions hold; null: nobody's
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    collections = models.ManyToManyField(Collection, blank=True)  # none: all
    k = models.PositiveSmallIntegerField(default=50)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    answered = models.PositiveIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    figures = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=500, blank=True)
    queued_at = models.DateTimeField(null=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="failed_run_says_why"),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"]) | Q(ended_at__isnull=False), name="closed_run_has_its_end"
            ),
        ]
        indexes = [models.Index(fields=["state", "lease_until"], name="runs_that_are_owed")]

    def __str__(self) -> str:
        return f"{self.version} on {self.index_name}"

    @property
    def main(self) -> float | None:
        """The mean of nDCG@10, once it is done."""
        found: float | None = self.figures.get("measures", {}).get("nDCG@10", {}).get("mean")
        return found

    @property
    def index_name(self) -> str:
        return f"index version {self.index_version}" if self.index_version else "the serving index"


class QuestionResult(models.Model):
    """What one question found in one run."""

    run = models.ForeignKey(EvaluationRun, on_delete=models.CASCADE, related_name="results")
    question = models.ForeignKey(Question, on_delete=models.CASCADE, related_name="+")
    ranks = models.JSONField()  # of each target: where it was first found, or null
    found = models.JSONField()  # the first results: [document, page, score, whether it answers]
    milliseconds = models.FloatField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "question"], name="one_result_of_each_question")]

    def __str__(self) -> str:
        return f"{self.question_id} in {self.run_id}"
