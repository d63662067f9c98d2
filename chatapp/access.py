"""The only road from an id to an object: each accessor takes the user, and absent and forbidden look the same."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from chatapp.accounts.models import User
from chatapp.accounts.sessions import SessionStore
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.errors import NotFound
from retrieval.models import Collection, Document, Passage

_NAMED = 5


def readable_collections(user: User) -> frozenset[UUID]:
    """The filter that every search is made with."""
    return frozenset(Collection.objects.readable_by(user).values_list("id", flat=True))


def get_conversation(user: User, pk: str | UUID) -> Conversation:
    return _get(Conversation.objects.filter(owner=user), user, pk)


def get_message(user: User, pk: str | UUID) -> Message:
    return _get(Message.objects.filter(conversation__owner=user).select_related("conversation"), user, pk)


def get_turn(user: User, pk: str | UUID) -> Turn:
    return _get(Turn.objects.filter(asker=user).select_related("answer", "question"), user, pk)


def get_collection(user: User, pk: str | UUID) -> Collection:
    return _get(Collection.objects.readable_by(user), user, pk)


def get_collection_by_name(user: User, name: str) -> Collection:
    readable = Collection.objects.readable_by(user)
    found = readable.filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no collection named {name!r} that you can see.", advice=_there_are(readable))
    return found


def _there_are(collections: QuerySet[Collection]) -> str:
    names = list(collections.order_by("name").values_list("name", flat=True)[:_NAMED])
    if not names:
        return "There is none yet that you can see."
    more = collections.count() - len(names)
    return f"You can see {', '.join(map(repr, names))}{f' and {more} more' if more > 0 else ''}."


def get_document(user: User, pk: str | UUID) -> Document:
    documents = Document.objects.filter(collection__in=Collection.objects.readable_by(user))
    return _get(documents.select_related("collection"), user, pk)


def get_passage(user: User, pk: int) -> Passage:
    passages = Passage.objects.filter(document__collection__in=Collection.objects.readable_by(user))
    found = passages.filter(pk=pk).select_related("document__collection").first()
    if found is None:
        raise NotFound
    return found


def person_of_session(session_key: str | None) -> User | None:
    """Of a session that has not expired and was not ended by a new password.

    Asked again for each frame and every few seconds of an open socket.
    """
    if not session_key:
        return None
    stored = SessionStore(session_key).load()
    if (key := stored.get(SESSION_KEY)) is None:
        return None
    person = User.objects.filter(pk=key, is_active=True).first()
    if person is None or not constant_time_compare(stored.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()):
        return None
    return person


def require_administrator(user: User) -> None:
    if not (user.is_authenticated and user.is_active and user.is_superuser):
        raise NotFound


def _get(queryset, user: User, pk: str | UUID):  # type: ignore[no-untyped-def]
    if not user.is_authenticated or not user.is_active:
        raise NotFound
    try:
        key = pk if isinstance(pk, UUID) else UUID(str(pk))
    except ValueError:
        raise NotFound from None
    found = queryset.filter(pk=key).first()
    if found is None:
        raise NotFound
    return found
