"""The doors of SCIM. Paths are told apart by capitals, and end without a slash, as RFC 7644 has them."""

from __future__ import annotations

from django.urls import path

from chatapp.scim import views

urlpatterns = [
    path("Users", views.users, name="scim_users"),
    path("Users/<uuid:number>", views.user, name="scim_user"),
    path("Groups", views.all_groups, name="scim_groups"),
    path("Groups/<uuid:number>", views.group, name="scim_group"),
    path("ServiceProviderConfig", views.config, name="scim_config"),
    path("ResourceTypes", views.resource_types, name="scim_resource_types"),
    path("ResourceTypes/<str:name>", views.resource_types, name="scim_resource_type"),
    path("Schemas", views.schemas, name="scim_schemas"),
    path("Schemas/<str:name>", views.schemas, name="scim_schema"),
    path("<path:rest>", views.nothing, name="scim_nothing"),
]
