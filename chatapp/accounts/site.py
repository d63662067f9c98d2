"""The pages under /admin/: for people with the staff flag; for everybody else they are not there."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from chatapp.errors import NotFound


class Administration(AdminSite):
    site_header = f"{settings.SITE_NAME} administration"
    site_title = site_header
    index_title = "People, documents and models"

    def has_permission(self, request: Any) -> bool:
        if not super().has_permission(request):
            raise NotFound
        return True

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One signs in on our own page, which counts wrong passwords."""
        self.has_permission(request)
        return redirect("admin:index")
