"""Doors of widgets."""

from __future__ import annotations

from django.urls import URLPattern, path

from chatapp.widget import views

urlpatterns: list[URLPattern] = [
    path("widget.js", views.loader, name="widget_loader"),
    path("widget/frame/<str:key>/", views.frame, name="widget_frame"),
    path("widget/leave/", views.leave, name="widget_leave"),
    path("widget/done/", views.done, name="widget_done"),
]
