from __future__ import annotations

from functools import partial
from typing import Any

from django.apps import AppConfig


class AttachmentsConfig(AppConfig):
    name = "chatapp.attachments"

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from chatapp.attachments.models import Attached

        post_delete.connect(_went, sender=Attached, dispatch_uid="attachments.went")


def _went(instance: Any, **_: Any) -> None:
    """Its conversation went, by whatever door: after the end of that transaction the worker deletes its files, in
    transactions of their own, for documents are locked before the index is told. Whoever deletes many chats waits for
    none of that. A message that is lost the sweep makes up for."""
    from django.db import transaction

    from chatapp.attachments import tasks

    transaction.on_commit(partial(tasks.forget_soon, str(instance.collection_id)), robust=True)
