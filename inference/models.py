"""The registry of models."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q


class ModelVersion(models.Model):
    """A GGUF file that the model service can load. At most one is the default."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.SlugField(max_length=120, unique=True)
    path = models.CharField(max_length=1000)
    source = models.CharField(max_length=1000, blank=True)  # where it was pulled from
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    licence = models.CharField(max_length=200, blank=True)
    quantization = models.CharField(max_length=40, blank=True)
    context_tokens = models.PositiveIntegerField(default=0)
    default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["default"], condition=Q(default=True), name="one_default_model")]

    def __str__(self) -> str:
        return self.name
