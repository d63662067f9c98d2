"""What nothing else tells of the first steps."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.models import Collection


class Setup(models.Model):
    """What an administrator chose on the way; one row. Whether a step is done, its own rows say: steps.py."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    model_later = models.BooleanField(default=False)  # quotations answer until there is a model
    collection = models.ForeignKey(Collection, null=True, on_delete=models.SET_NULL, related_name="+")
    left_at = models.DateTimeField(null=True)  # the pages do not open by themselves any more

    class Meta:
        verbose_name = _("set-up")
        verbose_name_plural = _("Set-up")
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_setup")]

    def __str__(self) -> str:
        return "Set-up"


def current() -> Setup:
    """The row, made by whoever needs it first."""
    return Setup.objects.select_related("collection").get_or_create(pk=1)[0]
