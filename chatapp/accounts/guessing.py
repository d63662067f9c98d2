"""Wrong passwords for one name, from many addresses: slower and slower, and only where nobody signed in before.

Strangers who guess from everywhere share one count for a name. A browser in which that person has signed in is known by
a cookie and has a count of its own, so that no stranger can lock anybody out (OWASP, "Slow Down Online Guessing Attacks
with Device Cookies").
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chatapp.accounts.models import User
from chatapp.accounts.named import meant, typed
from chatapp.limits import buckets
from chatapp.limits.buckets import Bucket, Fill

COOKIE, SALT = "known_here", "chatapp.accounts.guessing"
KEPT_S = 365 * 24 * 3600
MOST_PEOPLE = 5  # who share a browser
# 20 at once, then one in three minutes; from the 60th in a day on, one in 24 minutes.
_BOUNDS = ((20, 3600), (60, 86_400))


def take(request: HttpRequest, credentials: dict[str, Any]) -> bool:
    """Before a password is looked at. -> whether it may be"""
    return _take(_fills(_lane(request, person := _person(credentials)), person, 1))


def give_back(request: HttpRequest, credentials: dict[str, Any]) -> None:
    """It was the right one."""
    person = _person(credentials)
    buckets.charge(_fills(_lane(request, person), person, -1))


def take_again(person: User) -> bool:
    """The same for somebody who is signed in, and may not be who they were: a count that strangers have no part in."""
    return _take(_fills("again", str(person.pk), 1))


def give_back_again(person: User) -> None:
    buckets.charge(_fills("again", str(person.pk), -1))


def remember(request: HttpRequest, response: HttpResponseBase, person: User) -> None:
    known = [str(person.pk), *(one for one in _known(request) if one != str(person.pk))]
    response.set_cookie(
        COOKIE,
        signing.dumps(known[:MOST_PEOPLE], salt=SALT),
        max_age=KEPT_S,
        path="/accounts/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _take(fills: list[Fill]) -> bool:
    (outcome,) = buckets.take([fills])
    return outcome.allowed


def _lane(request: HttpRequest, person: str) -> str:
    return "known" if person in _known(request) else "strange"


def _fills(lane: str, person: str, cost: int) -> list[Fill]:
    name = hmac.new(settings.SECRET_KEY.encode(), f"{SALT}:{person}".encode(), hashlib.sha256).hexdigest()[:32]
    return [
        Fill(Bucket(f"passwords:{lane}:{name}:{amount}", amount, seconds, "passwords"), cost)
        for amount, seconds in _BOUNDS
    ]


def _person(credentials: dict[str, Any]) -> str:
    """Whose password is looked at; of nobody, what was typed, whatever its case."""
    person = meant(credentials)
    return str(person.pk) if person is not None else typed(credentials).lower()


def _known(request: HttpRequest) -> list[str]:
    try:
        known = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        return []
    return [str(one) for one in known] if isinstance(known, list) else []
