"""Sessions that have expired do not gather in the database."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from chatapp.accounts.tasks import forget_sessions
from tests.conftest import Cast, signed_in_session


def test_sessions_are_forgotten_once_they_have_expired(cast: Cast) -> None:
    old, living = signed_in_session(cast.alice), signed_in_session(cast.bob)
    Session.objects.filter(session_key=old).update(expire_date=timezone.now() - timedelta(seconds=1))
    forget_sessions()
    assert list(Session.objects.values_list("session_key", flat=True)) == [living]
