"""Organisations that share one Footnote and nothing else."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import Group
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from retrieval.tenants import HOUSE


class Organisation(models.Model):
    """People, groups and collections are of exactly one; all else is through them. HOUSE is the one that was there
    before there were others, and stays open: those who run Footnote are of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(
        _("short name"),
        max_length=30,
        unique=True,
        help_text=_("Small letters, digits, hyphens. Names of its groups and people begin or end with it."),
    )
    is_active = models.BooleanField(_("open"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=~Q(pk=HOUSE) | Q(is_active=True), name="the_house_stays_open"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupPlace(models.Model):
    """Whose a group is: its table is Django's. A group without a place gives nobody anything."""

    group = models.OneToOneField(Group, primary_key=True, on_delete=models.CASCADE, related_name="place")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="group_places")

    def __str__(self) -> str:
        return f"{self.group_id} in {self.organisation_id}"
