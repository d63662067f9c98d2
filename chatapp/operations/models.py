"""What the processes tell one another through Postgres."""

from __future__ import annotations

from django.db import models


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
