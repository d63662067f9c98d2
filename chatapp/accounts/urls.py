"""Sign-in and sign-out; allauth's other pages stay closed until they are wanted."""

from __future__ import annotations

from allauth.account import views
from django.urls import include, path

from chatapp.accounts import key_pages, links
from chatapp.roles.recent import entries_again, sign_in_again
from chatapp.signon.leaving import SignOut
from chatapp.signon.views import SignIn

urlpatterns = [
    path("login/", SignIn.as_view(), name="account_login"),
    path("logout/", SignOut.as_view(), name="account_logout"),
    path("signon/", include("chatapp.signon.urls")),
    path("", include("chatapp.signon.second_factor")),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("link/<str:token>/", links.one_time_link, name="one_time_link"),
    path("password/", links.set_password, name="set_password"),
    path("again/", sign_in_again, name="sign_in_again"),
    path("again/entries/", entries_again, name="kept_entries"),
    path("keys/", key_pages.own_keys, name="keys"),
    path("keys/of/<uuid:account>/", key_pages.own_keys, name="keys_of"),
    path("keys/<uuid:key>/revoke/", key_pages.revoke, name="key_revoke"),
]
