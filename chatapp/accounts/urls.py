"""Sign-in and sign-out; allauth's other pages stay closed until they are wanted."""

from __future__ import annotations

from allauth.account import views
from django.urls import path

from chatapp.accounts import links

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("link/<str:token>/", links.one_time_link, name="one_time_link"),
    path("password/", links.set_password, name="set_password"),
]
