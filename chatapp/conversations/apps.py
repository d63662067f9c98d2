from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from inference.routing.router import Router


class ConversationsConfig(AppConfig):
    name = "chatapp.conversations"

    def ready(self) -> None:
        from inference import seams

        seams.router.connect(_router)
        seams.names.connect(_names)


def _names() -> dict[str, str]:
    """The model of `/v1/embeddings` is listed among those of `/v1/models`."""
    from retrieval.versions.current import serving

    return {serving().embedding_model: "the model of the search"}


def _router() -> Router:
    """Made when a page asks for it: most processes never do."""
    from chatapp.conversations.engines import get_router

    return get_router()
