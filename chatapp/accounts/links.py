"""One-time sign-in links: for the first administrator, for new people, for lost passwords."""

from __future__ import annotations

import hashlib
import secrets
import time
from datetime import timedelta
from typing import cast

from django.contrib.auth import login, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm, SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from chatapp.accounts import guessing
from chatapp.accounts.models import OneTimeLink, User
from chatapp.directory.order import LOCAL
from chatapp.errors import Invalid, NotFound
from chatapp.governance.services import record
from chatapp.roles.recent import require_guess
from chatapp.signon.sessions import may_choose_password
from chatapp.welcome import opening

VALID_FOR = timedelta(hours=24)
CHOOSE_WITHIN_S = 900
_CHOOSES = "chooses_password_until"


class LinkSpent(NotFound):
    user_message = "This link was used already, or it has expired."
    advice = "Ask your administrator for a new one. Administrators: manage.py signinlink NAME makes one."


def make_link(user: User) -> str:
    """-> a path that signs this person in once. Links made before stop working. Raises Invalid."""
    if user.is_service:
        raise Invalid("A service account signs in with keys alone.", advice="`manage.py apikey create` makes one.")
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        OneTimeLink.objects.filter(user=user, used_at=None).delete()
        OneTimeLink.objects.create(user=user, token_sha256=_hashed(token), expires_at=timezone.now() + VALID_FOR)
    return reverse("one_time_link", args=[token])


def redeem(token: str) -> User:
    """The link's person, once. Raises LinkSpent."""
    with transaction.atomic():
        link = _valid(token, lock=True)
        link.used_at = timezone.now()
        link.save(update_fields=["used_at"])
        return link.user


def _valid(token: str, *, lock: bool = False) -> OneTimeLink:
    links = OneTimeLink.objects.select_for_update(of=("self",)) if lock else OneTimeLink.objects.all()
    found = (
        links.filter(
            token_sha256=_hashed(token),
            used_at=None,
            expires_at__gt=timezone.now(),
            user__is_active=True,
            user__is_service=False,
        )
        .select_related("user")
        .first()
    )
    if found is None:
        raise LinkSpent
    return found


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@never_cache
@require_http_methods(["GET", "POST"])
def one_time_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET only shows a button: programs that look at links in mail must not use them up."""
    if request.method == "GET":
        return render(request, "accounts/link.html", {"person": _valid(token).user})
    user = redeem(token)
    login(request, user, backend=LOCAL)
    request.session[_CHOOSES] = time.time() + CHOOSE_WITHIN_S
    return redirect("set_password")


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def set_password(request: HttpRequest) -> HttpResponse:
    """Another one. Who has none yet, or has just come through a link (it may have been forgotten), names no old one."""
    user = cast(User, request.user)
    if not may_choose_password(request):
        return redirect("chat")
    knows_one = user.has_usable_password() and request.session.get(_CHOOSES, 0) < time.time()
    form = (PasswordChangeForm if knows_one else SetPasswordForm)(user, request.POST or None)
    if request.method == "POST" and _is_right(request, user, form, guessed=knows_one):
        form.save()
        request.session.pop(_CHOOSES, None)
        update_session_auth_hash(request, user)
        return redirect("chat" if knows_one else opening.after_password(user))
    return render(request, "accounts/password.html", {"form": form, "has_one": user.has_usable_password()})


def owes_password(request: HttpRequest) -> bool:
    """Who came through a link and chose none could not come back: the link is spent."""
    user = cast(User, request.user)
    return _CHOOSES in request.session and not user.has_usable_password() and may_choose_password(request)


def _is_right(request: HttpRequest, user: User, form: SetPasswordForm[User], *, guessed: bool) -> bool:
    """Raises TooOften."""
    if guessed:
        require_guess(request, user)
    right = form.is_valid()
    if guessed and "old_password" in form.errors:
        record("sign_in.again_failed", user.get_username(), user)
    elif guessed:
        guessing.give_back_again(user)
    return right
