"""Upkeep, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.privacy import older_texts, retention, temporary_chats

_SECONDS = 20.0  # of a minute


@shared_task(ignore_result=True, expires=3000)
def forget_conversations() -> None:
    retention.forget_conversations()


@shared_task(ignore_result=True, expires=50)
def seal_older_texts() -> None:
    older_texts.seal_some(_SECONDS)


@shared_task(ignore_result=True, expires=280)
def forget_temporary_chats() -> None:
    temporary_chats.forget()
