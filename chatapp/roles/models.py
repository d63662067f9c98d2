"""Who has which role. An administrator is a superuser, and a reader whoever a collection names: neither stands here."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from retrieval.models import Collection


class Role(models.TextChoices):
    CURATOR = "curator", _("Curator: looks after one collection")
    AUDITOR = "auditor", _("Auditor: reads the audit trail")
    ORGANISER = "organiser", _("Organiser: administers the organisation")


_SHORT = {Role.CURATOR: _("curator"), Role.AUDITOR: _("auditor"), Role.ORGANISER: _("organiser")}


class Appointment(models.Model):
    """A role given to a person, or to all of a group."""

    role = models.CharField(max_length=10, choices=Role)
    collection = models.ForeignKey(
        Collection, null=True, blank=True, on_delete=models.CASCADE, help_text=_("For curators.")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, verbose_name=_("person")
    )
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.CASCADE)
    given_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["role", "pk"]
        verbose_name = _("role")
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=True) ^ Q(group__isnull=True), name="a_role_is_a_persons_or_a_groups"
            ),
            models.CheckConstraint(
                condition=Q(role="curator", collection__isnull=False)
                | Q(role__in=["auditor", "organiser"], collection__isnull=True),
                name="curators_have_a_collection",
            ),
            models.UniqueConstraint(
                fields=["role", "collection", "user", "group"], nulls_distinct=False, name="each_role_is_given_once"
            ),
        ]

    def __str__(self) -> str:
        values = {"role": _SHORT[Role(self.role)], "collection": self.collection, "whose": self.user or self.group}
        told = gettext("%(role)s of %(collection)s: %(whose)s") if self.collection else gettext("%(role)s: %(whose)s")
        return told % values
