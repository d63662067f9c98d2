"""What became of each attempt to answer: for guard rails, spending and the pages that show them."""

from __future__ import annotations

from decimal import Decimal

from django.db import models

from inference.models.routes import Rollout
from inference.models.versions import ModelVersion


class Outcome(models.Model):
    """One engine's part in one answer. Names nobody and holds no text; kept for 40 days."""

    at = models.DateTimeField(auto_now_add=True)
    turn = models.UUIDField(null=True)  # a rating of the answer finds its outcome by it
    route = models.CharField(max_length=60, blank=True)
    engine = models.CharField(max_length=200)
    version = models.ForeignKey(
        ModelVersion,
        null=True,
        on_delete=models.CASCADE,
        related_name="outcomes",
        db_index=False,  # the index of its cost begins with it
    )
    rollout = models.ForeignKey(Rollout, null=True, on_delete=models.SET_NULL, related_name="outcomes")
    failed = models.BooleanField(default=False)
    code = models.CharField(max_length=40, blank=True)  # of the error
    first_token_ms = models.PositiveIntegerField(null=True)
    writing_ms = models.PositiveIntegerField(default=0)  # from the first token to the last
    prompt_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=8, default=Decimal(0))
    rating = models.SmallIntegerField(null=True)  # 1 good, -1 bad
    # Stands for one asker of one version, under the secret key: what one person does counts once in a roll-out.
    person = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["rollout", "version"], name="outcomes_of_a_rollout"),
            models.Index(fields=["version", "at"], include=["cost"], name="cost_of_a_version"),
            models.Index(fields=["turn"], name="outcomes_of_a_turn"),
            models.Index(fields=["at"], name="outcomes_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.engine} {self.at:%F %T}"
