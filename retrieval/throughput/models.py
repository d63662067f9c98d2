"""What ingestion did, ten seconds by ten seconds: rates and expected ends are told from it."""

from __future__ import annotations

from django.db import models


class Slot(models.Model):
    """Ten seconds of one collection. No foreign key: counting waits for nobody, and a collection may be gone."""

    id = models.BigAutoField(primary_key=True)
    collection_id = models.UUIDField()
    at = models.DateTimeField()  # its begin
    parsed = models.PositiveIntegerField(default=0)  # documents
    ready = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    passages = models.PositiveIntegerField(default=0)  # embedded

    class Meta:
        constraints = [models.UniqueConstraint(fields=["at", "collection_id"], name="one_slot_of_a_collection")]

    def __str__(self) -> str:
        return f"{self.at} {self.collection_id}"
