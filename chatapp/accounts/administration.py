"""Puts our own administration site in the place of Django's."""

from __future__ import annotations

from django.contrib.admin.apps import SimpleAdminConfig


class AdministrationConfig(SimpleAdminConfig):
    default_site = "chatapp.accounts.site.Administration"
