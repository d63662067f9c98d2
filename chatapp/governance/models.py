"""The audit trail: who changed what, and when."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models


class AuditTrailIsKept(TypeError):
    """A fault of the code that tried: what was written down is never changed."""

    def __init__(self) -> None:
        super().__init__("Entries of the audit trail are neither changed nor deleted.")


class EntryQuerySet(models.QuerySet["AuditEntry"]):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsKept

    def delete(self) -> NoReturn:
        raise AuditTrailIsKept

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsKept


class AuditEntry(models.Model):
    """One line. Append-only: the ORM refuses the rest."""

    at = models.DateTimeField(auto_now_add=True)
    # No constraint: deleting a person must not change a line that names them.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField("by", max_length=150, blank=True)  # '': Footnote itself; of a command, its account
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=300)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AuditTrailIsKept
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsKept
