"""The audit trail: who did what, and when; each line chained to the one before it."""

from __future__ import annotations

from typing import Any, NoReturn

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chatapp.governance import personal
from retrieval.tenants import HOUSE


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

    def with_keys(self) -> list[AuditEntry]:
        """For reading many: the keys of the people in them are fetched in one query."""
        entries = list(self)
        personal.prepare(entry.sealed for entry in entries)
        return entries


class AuditEntry(models.Model):
    """One line. Append-only: the ORM refuses the rest, and so does a trigger in the database.

    What is personal stands in `sealed`, by the name of the field. Lines are chained in batches, soon after they were
    stored: `sequence`, `previous_hash` and `hash` are empty until then.
    """

    at = models.DateTimeField(auto_now_add=True)
    # No constraint: deleting a person must not change a line that names them.
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    # '': Footnote itself; of a command, its account. The name of a person is sealed.
    plain_name = models.CharField(_("by"), max_length=150, blank=True, db_column="actor_name")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=300)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    sealed = models.JSONField(null=True)  # {field: {"of": person, "value"}}
    organisation = models.UUIDField(default=HOUSE, db_default=HOUSE, editable=False)  # whose auditors read it
    sequence = models.BigIntegerField(null=True, unique=True)
    previous_hash = models.CharField(max_length=64, null=True)  # noqa: DJ001 - older processes do not write it
    hash = models.CharField(max_length=64, null=True)  # noqa: DJ001

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = _("audit entries")
        indexes = [
            models.Index(fields=["action", "-id"], name="audit_by_action"),
            models.Index(fields=["at"], name="audit_by_time"),
            models.Index(fields=["organisation", "-id"], name="audit_by_organisation"),
            models.Index(fields=["id"], condition=Q(hash=None), name="audit_not_chained_yet"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"

    @property
    def actor_name(self) -> str:
        return personal.opened(self.sealed, "actor_name") or self.plain_name

    @property
    def whole_subject(self) -> str:
        return personal.opened(self.sealed, "subject") or self.subject

    @property
    def whole_detail(self) -> dict[str, Any]:
        """With what is sealed, or a word in its place."""
        return personal.opened_detail(self.sealed) | self.detail

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AuditTrailIsKept
        super().save(*args, **{**kwargs, "force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AuditTrailIsKept
