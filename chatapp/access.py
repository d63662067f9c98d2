"""The only road from an id to an object: each accessor takes the user, and absent and forbidden look the same.

What is of another organisation is absent, whatever groups and roles say. Those who run Footnote read within their own
as well; they look after all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser, Group
from django.contrib.sessions.models import Session
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from chatapp.accounts.models import User
from chatapp.accounts.sessions import SessionStore
from chatapp.conversations.models import Conversation, Folder, Message, Turn
from chatapp.errors import NotFound
from chatapp.feedback.models import Rating
from chatapp.organisations import boundaries
from chatapp.organisations.models import Organisation
from chatapp.roles import services as roles
from chatapp.sharing.models import Share
from retrieval.models import Collection, Document, Passage, Reach

_NAMED = 5


def reach(user: User) -> Reach:
    """The filter that every search is made with."""
    return reach_of_each([user])[0]


def reach_of_each(users: Sequence[User]) -> list[Reach]:
    """The same for many people, with two queries."""
    reaches = Collection.objects.reach_of_each(users)
    return [_narrowed(reaches[user.pk], user) for user in users]


def reach_of_group(group: Group) -> Reach:
    """Of a person of the group's organisation who is in no other group and has no role of their own."""
    tenant = boundaries.organisation_of(group)
    if tenant is None:
        return Reach()
    curated = roles.collections_curated_by_group(group, tenant)
    found = Collection.objects.filter(Q(everyone=True) | Q(readers=group) | Q(pk__in=curated), tenant=tenant)
    return Reach(frozenset(found.values_list("pk", flat=True)), frozenset({group.pk}))


def _narrowed(may: Reach, user: User) -> Reach:
    """To what the key of this request is for; another request of the same person may bear another one."""
    only = getattr(user, "only_collections", None)
    return may if only is None else replace(may, collections=may.collections & only)


def conversations(user: User) -> QuerySet[Conversation]:
    """Their own. What was asked in an organisation stays behind there with its documents, when its person moves on."""
    if not user.is_authenticated:
        return Conversation.objects.none()
    theirs = Conversation.objects.filter(owner=user)
    if user.grant is not None and user.grant.visitor is not None:  # many share this account
        theirs = theirs.filter(visit__visitor=user.grant.visitor)
    since = user.organisation_since
    return theirs if since is None else theirs.filter(created_at__gte=since)


def get_conversation(user: User, pk: str | UUID) -> Conversation:
    return _get(conversations(user), user, pk)


def folders(user: User) -> QuerySet[Folder]:
    """Their own, as with conversations."""
    if not user.is_authenticated:
        return Folder.objects.none()
    theirs = Folder.objects.filter(owner=user)
    since = user.organisation_since
    return theirs if since is None else theirs.filter(created_at__gte=since)


def get_folder(user: User, pk: str | UUID) -> Folder:
    return _get(folders(user), user, pk)


def shares_given(user: User | AnonymousUser) -> QuerySet[Share]:
    """Of conversations that are still theirs."""
    if not user.is_authenticated:
        return Share.objects.none()
    return Share.objects.filter(owner=user, conversation__in=conversations(user))


def get_share_given(user: User, pk: str | UUID) -> Share:
    return _get(shares_given(user).select_related("conversation", "person", "group"), user, pk)


def shares_received(user: User) -> QuerySet[Share]:
    """What others let this person read, by name or by a group: of people with an account in the same organisation, and
    of conversations that these have not left behind in another one. Asked at each reading."""
    if not user.is_authenticated or not user.is_active:
        return Share.objects.none()
    by_name = Q(person=user)
    if user.organisation_since is not None:  # until it is shared again, what was shared before they moved here is over
        by_name &= Q(renewed_at__gte=user.organisation_since)
    groups = boundaries.memberships().filter(user=user).values("group_id")
    not_left = Q(owner__organisation_since=None) | Q(conversation__created_at__gte=F("owner__organisation_since"))
    alive = Share.objects.filter(not_left, owner__is_active=True, owner__organisation=user.organisation_id)
    return alive.filter(by_name | Q(group__in=groups), conversation__temporary=False).exclude(owner=user)


def get_share_received(user: User, pk: str | UUID) -> Share:
    return _get(shares_received(user).select_related("conversation", "owner"), user, pk)


def groups_to_share_with(user: User | AnonymousUser) -> QuerySet[Group]:
    """Those that they are in, and for administrators all of their organisation."""
    if not user.is_authenticated or not user.is_active:
        return Group.objects.none()
    at_home = boundaries.groups_of(user.tenant)
    if administers_any(user):
        return at_home
    return at_home.filter(pk__in=boundaries.memberships().filter(user=user).values("group_id"))


def people_to_share_with(user: User | AnonymousUser) -> QuerySet[User]:
    """Everybody else of their organisation who has an account."""
    if not user.is_authenticated or not user.is_active:
        return User.objects.none()
    people = User.objects.filter(organisation=user.organisation_id, is_active=True, is_service=False)
    return people.exclude(pk=user.pk)


def get_message(user: User, pk: str | UUID) -> Message:
    return _get(Message.objects.filter(conversation__in=conversations(user)).select_related("conversation"), user, pk)


def get_turn(user: User, pk: str | UUID) -> Turn:
    turns = Turn.objects.filter(asker=user, question__conversation__in=conversations(user))
    return _get(turns.select_related("answer", "question"), user, pk)


def feedback(user: User | AnonymousUser) -> QuerySet[Rating]:
    """What people sent about answers behind which stands a document that this person looks after and may be shown: of
    people of their organisation, from chats that are kept and were not left behind in another one."""
    if not user.is_authenticated or not curates_any(user):
        return Rating.objects.none()
    theirs = list(looked_after_and_read(user).values_list("pk", flat=True))  # known first: it is compared for each row
    behind = Document.objects.filter(IsAmong(F("pk"), OuterRef("message__documents")), collection__in=theirs)
    since = F("person__organisation_since")
    not_left = Q(person__organisation_since=None) | Q(message__conversation__created_at__gte=since)
    sent = Rating.objects.filter(not_left, person__organisation=user.organisation_id, sent_at__isnull=False)
    return sent.filter(Exists(behind), message__conversation__temporary=False)


def get_feedback(user: User, pk: int, *related: str) -> Rating:
    rows = feedback(user).filter(pk=pk)
    found = (rows.select_related(*related) if related else rows).first()
    if found is None:
        raise NotFound
    return found


class IsAmong(Func):
    """Whether the first is an element of the second."""

    template, arg_joiner, output_field = "%(expressions)s)", " = ANY(", BooleanField()


def listed_collections(user: User) -> QuerySet[Collection]:
    """Those that this person reads or looks after."""
    readable, looked_after = Collection.objects.readable_by(user).values("pk"), curated(user).values("pk")
    return Collection.objects.filter(Q(pk__in=readable) | Q(pk__in=looked_after))


def get_collection(user: User, pk: str | UUID) -> Collection:
    return _get(listed_collections(user), user, pk)


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
    return _get(Document.objects.readable_by(user).select_related("collection"), user, pk)


def curated(user: User | AnonymousUser) -> QuerySet[Collection]:
    """The collections whose documents, readers and sources this person looks after."""
    if not user.is_authenticated or not user.is_active:
        return Collection.objects.none()
    if user.is_superuser:
        only = user.only_collections
        return Collection.objects.all() if only is None else Collection.objects.filter(pk__in=only)
    return Collection.objects.readable_by(user).filter(pk__in=roles.collections_curated_by(user))


def curates_any(user: User | AnonymousUser) -> bool:
    return user.is_authenticated and user.is_active and (user.is_superuser or roles.is_curator(user))


def require_curator(user: User) -> None:
    """Of whichever collection."""
    if not curates_any(user):
        raise NotFound


def looked_after_and_read(user: User) -> QuerySet[Collection]:
    """Those whose documents this person may be shown: administrators look after more than they read."""
    return Collection.objects.readable_by(user).filter(pk__in=curated(user).values("pk"))


def get_collection_to_curate(user: User, pk: str | UUID) -> Collection:
    return _get(curated(user), user, pk)


def get_original(user: User, pk: str | UUID) -> Document:
    """The file behind a passage: of a document that this person reads, or one that they attached to a conversation."""
    try:
        return get_document(user, pk)
    except NotFound:
        if not user.is_authenticated:
            raise
    return _get(Document.objects.filter(collection__in=attached(user)).select_related("collection"), user, pk)


def attached(user: User) -> QuerySet[Collection]:
    """What holds the files of their own conversations."""
    return attached_to_each([user])


def attached_to_each(users: Sequence[User]) -> QuerySet[Collection]:
    """The same of many people: for those at the pages, not for programs with keys nor for widgets. What was attached in
    an organisation stays behind there."""
    people = [user for user in users if user.is_authenticated and user.is_active and user.grant is None]
    if not people:
        return Collection.with_attached.none()
    moved = {user.pk: user.organisation_since for user in people if user.organisation_since is not None}
    theirs = Q(attached_to__conversation__owner__in=[user.pk for user in people if user.pk not in moved])
    for person, since in moved.items():
        theirs |= Q(attached_to__conversation__owner=person, attached_to__conversation__created_at__gte=since)
    return Collection.with_attached.filter(theirs, attached=True)


def get_document_to_curate(user: User, pk: str | UUID) -> Document:
    """Whoever has its own readers: who looks after the collection says who they are."""
    return _get(Document.objects.filter(collection__in=curated(user)).select_related("collection"), user, pk)


def listed_documents(user: User) -> QuerySet[Document]:
    """Those that this person reads or looks after."""
    looked_after = Document.objects.filter(collection__in=curated(user))
    return Document.objects.filter(
        Q(pk__in=Document.objects.readable_by(user).values("pk")) | Q(pk__in=looked_after.values("pk"))
    )


def get_passage(user: User, pk: int) -> Passage:
    """Of a document that this person reads, or of a file that they attached to a conversation of theirs."""
    readable = Passage.objects.readable_by(user)
    found = readable.filter(pk=pk).select_related("document__collection").first()
    if found is None and user.is_authenticated:
        of_files = Passage.objects.filter(pk=pk, document__collection__in=attached(user))
        found = of_files.select_related("document__collection").first()
    if found is None:
        raise NotFound
    return found


def person_of_session(session_key: str | None) -> User | None:
    """Of a session that has not expired and was not ended by a new password.

    Asked again for each frame and every few seconds of an open socket.
    """
    return people_of_sessions([session_key])[0]


def people_of_sessions(session_keys: Sequence[str | None]) -> list[User | None]:
    """The same for many, with two queries."""
    ours = {key for key in session_keys if key and SessionStore(key).session_key}
    store = SessionStore()
    rows = Session.objects.filter(session_key__in=ours, expire_date__gt=timezone.now())
    stored = {row.session_key: store.decode(row.session_data) for row in rows}
    signed_in = {data[SESSION_KEY] for data in stored.values() if SESSION_KEY in data}
    people = {str(user.pk): user for user in User.objects.filter(pk__in=signed_in, is_active=True, is_service=False)}
    return [_person(stored.get(key or "", {}), people) for key in session_keys]


def _person(stored: dict[str, Any], people: dict[str, User]) -> User | None:
    person = people.get(stored.get(SESSION_KEY, ""))
    if person is None or not constant_time_compare(stored.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash()):
        return None
    return person


def require_administrator(user: User) -> None:
    """Of Footnote itself."""
    if not (user.is_authenticated and user.is_active and user.is_superuser):
        raise NotFound


def administered(user: User | AnonymousUser) -> QuerySet[Organisation]:
    """The organisations whose people, groups, collections and rules this person looks after."""
    if not user.is_authenticated or not user.is_active:
        return Organisation.objects.none()
    if user.is_superuser:
        return Organisation.objects.all()
    return Organisation.objects.filter(pk__in=[user.tenant] if roles.is_organiser(user) else [])


def administers(user: User, organisation: UUID) -> bool:
    return administers_any(user) and (user.is_superuser or user.tenant == organisation)


def require_organiser(user: User) -> None:
    """Of whichever organisation."""
    if not administers_any(user):
        raise NotFound


def administers_any(user: User | AnonymousUser) -> bool:
    return user.is_authenticated and user.is_active and (user.is_superuser or roles.is_organiser(user))


def administrators_of(user: User) -> QuerySet[User]:
    """Whom this person may turn to: those of their organisation."""
    return boundaries.administrators(user.tenant)


def groups_beside(collection: Collection) -> QuerySet[Group]:
    """Those that may be named as readers of it, or of its documents."""
    return boundaries.groups_of(collection.tenant)


def groups_at_home(user: User) -> QuerySet[Group]:
    """The same of a collection that this person makes, and of all that they read: these are of their organisation."""
    return boundaries.groups_of(user.tenant)


def shown_groups(user: User) -> QuerySet[Group]:
    """Those whose names this person may be shown, where they look after anything."""
    return Group.objects.all() if user.is_superuser else boundaries.groups_of(user.tenant)


def shown_people(user: User) -> QuerySet[User]:
    """The same of people: those of their own organisation, and for those who run Footnote all."""
    return User.objects.all() if user.is_superuser else User.objects.filter(organisation=user.organisation_id)


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
