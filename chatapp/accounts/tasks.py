"""Upkeep of sign-ins."""

from __future__ import annotations

from celery import shared_task

from chatapp.accounts.sessions import SessionStore


@shared_task(ignore_result=True, expires=3000)
def forget_sessions() -> None:
    """Those that have expired. Strangers begin some too: on their way to an identity provider, say."""
    SessionStore.clear_expired()
