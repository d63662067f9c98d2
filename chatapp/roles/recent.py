"""What could cost the house dearly asks for a sign-in of the last minutes: a browser that was left open, or a cookie
that was stolen, does not do for it. A request that bears an API key has no session; what keys open is their own matter.
"""

from __future__ import annotations

import time
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from allauth.core import ratelimit
from django import forms
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from chatapp.accounts import guessing
from chatapp.accounts.models import User
from chatapp.errors import ChatAppError, TooOften, as_dict, wants_json
from chatapp.governance.services import record
from chatapp.roles import kept_entries

RECENT_S = 600
_AT = "signed_in_at"
# Pages of the administration whose every change asks for it: what models are asked where, and with which keys; what
# filters stop; who signs people in; who has which role; which keys programs have; which organisations are open; how
# long conversations are kept; what stays in the house and who reads it; which pages of others show a chat.
_DANGEROUS = (
    "/admin/inference/job/",
    "/admin/inference/modelversion/",
    "/admin/inference/rollout/",
    "/admin/inference/route/",
    "/admin/safety/",
    "/admin/scim/",
    "/admin/signon/identityprovider/",
    "/admin/socialaccount/",
    "/admin/mfa/",
    "/admin/roles/",
    "/admin/accounts/apikey/",
    "/admin/accounts/serviceaccount/",
    "/admin/organisations/",
    "/admin/privacy/",
    "/admin/retrieval/collection/",
    "/admin/welcome/setup/model/",
    "/admin/widget/",
    "/accounts/keys/",
)
_HARMLESS = ("/admin/inference/route/explain/",)  # asks, and changes nothing
_PEOPLE = "/admin/accounts/user/"


class SignInAgain(ChatAppError):
    code, http_status = "sign_in_again", 403
    user_message = "This needs your password once more: you signed in a while ago."
    advice = "Open /accounts/again/ in a browser, then try again."


class RecentSignInMiddleware(MiddlewareMixin):
    """After AuthenticationMiddleware and whatever knows bearers of keys."""

    def process_view(self, request: HttpRequest, view: Any, parts: Any, named: Any) -> HttpResponse | None:
        if not _is_dangerous(request):
            return None
        if is_recent(request):
            _clear(request)
            return None
        if wants_json(request):
            return JsonResponse({"error": as_dict(SignInAgain())}, status=SignInAgain.http_status)
        onward = reverse("kept_entries") if kept_entries.keep(request) else request.path
        return redirect(f"{reverse('sign_in_again')}?{urlencode({'next': onward})}")


def _clear(request: HttpRequest) -> None:
    """What was kept of a form goes once a form is sent."""
    if hasattr(request, "session"):
        kept_entries.forget(request)


def note_sign_in(request: HttpRequest) -> None:
    """Of one by a provider it counts when the person showed who they are there: its session may be days old."""
    identity = getattr(request, "signon", None)
    request.session[_AT] = time.time() if identity is None else min(time.time(), identity.authenticated_at or 0)


def is_recent(request: HttpRequest) -> bool:
    """Also of a request that bears a key, and of a stranger's, which is refused elsewhere."""
    if not request.user.is_authenticated or getattr(request.user, "grant", None) is not None:
        return True
    return time.time() - float(request.session.get(_AT, 0)) < RECENT_S


def _is_dangerous(request: HttpRequest) -> bool:
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return False
    if request.method == "DELETE" and request.resolver_match and request.resolver_match.url_name == "collection":
        return True
    if request.path.startswith(_HARMLESS):
        return False
    return request.path.startswith(_DANGEROUS) or (request.path.startswith(_PEOPLE) and _makes_powerful(request))


def _makes_powerful(request: HttpRequest) -> bool:
    """Somebody new, who is shown a way in; a new administrator; groups, which have roles; another password, which opens
    an account; another organisation; or an end to one."""
    if request.path.endswith("/add/"):
        return True
    sets_password = request.path.endswith("/password/") or "password1" in request.POST
    given = "is_superuser" in request.POST or "groups" in request.POST
    return sets_password or given or "delete" in request.path or "action" in request.POST or _moves(request)


def _moves(request: HttpRequest) -> bool:
    """Whether another organisation is asked for than the one that the person is of."""
    asked = request.POST.get("organisation")
    if asked is None:
        return False
    parts = request.resolver_match.kwargs if request.resolver_match else {}
    try:
        stays = User.objects.filter(pk=UUID(parts.get("object_id", "")), organisation=UUID(asked)).exists()
    except ValueError:
        return True
    return not stays


class PasswordForm(forms.Form):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True})
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self._user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self._user.check_password(password):
            raise forms.ValidationError("That is not your password.")
        return password


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def sign_in_again(request: HttpRequest) -> HttpResponse:
    """Who came from a provider shows it once more who they are. Who has neither that nor a password of ours signs out,
    and in again by the way that they came."""
    user = cast(User, request.user)
    form = PasswordForm(user, request.POST or None)
    if request.method == "POST" and user.has_usable_password():
        require_guess(request, user)
        if form.is_valid():
            guessing.give_back_again(user)
            note_sign_in(request)
            record("sign_in.again", user.get_username(), user)
            return redirect(_next(request))
        record("sign_in.again_failed", user.get_username(), user)
    context = {"form": form, "has_password": user.has_usable_password(), "next": _next(request)}
    context["entries"] = kept_entries.kept(request)
    return render(request, "accounts/again.html", context | _provider_of(request))


@never_cache
@require_safe
def entries_again(request: HttpRequest) -> HttpResponse:
    """What was kept of a form, to be sent by whoever entered it."""
    if not is_recent(request):
        return redirect(f"{reverse('sign_in_again')}?next={request.path}")
    entries = kept_entries.kept(request)
    if entries is None:
        return redirect(reverse("chat"))
    return render(request, "accounts/entries.html", {"entries": entries})


def require_guess(request: HttpRequest, user: User) -> None:
    """Before a password of somebody who is signed in is looked at. Raises TooOften."""
    if not (ratelimit.consume(request, action="reauthenticate", user=user) and guessing.take_again(user)):
        raise TooOften(retry_after_s=60)


def _provider_of(request: HttpRequest) -> dict[str, Any]:
    """Of a session that came from one that is in use: its name, and where a sign-in there begins."""
    from chatapp.signon import providers, sessions, views  # what speaks with them is loaded by the first who comes by

    found = providers.find(sessions.came_from(request))
    return {} if found is None else {"provider": {"name": found.name, "address": views.start_address(found)}}


def _next(request: HttpRequest) -> str:
    """Within Footnote."""
    asked = request.POST.get("next") or request.GET.get("next") or ""
    return asked if url_has_allowed_host_and_scheme(asked, allowed_hosts=None) else reverse("chat")


def _signed_in(request: HttpRequest | None, **_: Any) -> None:
    if request is not None and hasattr(request, "session"):
        note_sign_in(request)


def connect() -> None:
    user_logged_in.connect(_signed_in, dispatch_uid="roles.signed_in")
