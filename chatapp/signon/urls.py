"""The doors to and from identity providers. allauth looks some of them up by name."""

from __future__ import annotations

from allauth.socialaccount.providers import registry
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path

from chatapp.signon import leaving, saml_doors, views

registry.load()


def _by(keyword: str, view: views.View) -> views.View:
    """allauth calls the slug otherwise for each kind."""

    def called(request: HttpRequest, **named: str) -> HttpResponseBase:
        return view(request, named[keyword])

    called.csrf_exempt = getattr(view, "csrf_exempt", False)  # type: ignore[attr-defined]
    return called


urlpatterns = [
    path("oidc/<slug:provider_id>/login/", _by("provider_id", views.oidc_login), name="openid_connect_login"),
    path("oidc/<slug:provider_id>/callback/", _by("provider_id", views.oidc_callback), name="openid_connect_callback"),
    path("oidc/<slug:slug>/back-channel-logout/", leaving.back_channel, name="back_channel_logout"),
    path("oidc/<slug:slug>/front-channel-logout/", leaving.front_channel, name="front_channel_logout"),
    *(
        path(f"saml/<slug:organization_slug>/{place}", _by("organization_slug", view), name=name)
        for place, view, name in (
            ("login/", saml_doors.login, "saml_login"),
            ("acs/", saml_doors.acs, "saml_acs"),
            ("acs/finish/", saml_doors.finish, "saml_finish_acs"),
            ("metadata/", saml_doors.metadata, "saml_metadata"),
            ("sls/", saml_doors.sls, "saml_sls"),
        )
    ),
]
