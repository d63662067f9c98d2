"""Who loses a group, a role, an account or a document while an answer is written gets no more of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from django.contrib.auth.models import Group

from chatapp.accounts.models import User
from chatapp.conversations import taken_away
from chatapp.conversations.taken_away import AccessLost, Watched, lost_of, while_readable
from chatapp.database import in_database
from chatapp.roles.models import Appointment, Role
from chatapp.roles.services import appoint
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast


@pytest.fixture
def passages(cast: Cast) -> frozenset[int]:
    """alice reads them through her group, bob as curator."""
    collection = Collection.objects.create(name="Wards")
    collection.readers.add(Group.objects.get(name="owners"))
    appoint(role=Role.CURATOR, to=cast.bob, collection=collection, by=cast.administrator)
    document = Document.objects.create(collection=collection, name="rota.txt", size=1, sha256="0" * 64)
    return frozenset(Passage.objects.create(document=document, ordinal=n, text="x").pk for n in range(2))


def leave_the_group(cast: Cast) -> None:
    cast.alice.groups.clear()


def dissolve_the_group(cast: Cast) -> None:
    Group.objects.filter(name="owners").delete()


def close_the_account(cast: Cast) -> None:
    User.objects.filter(username="alice").update(is_active=False)


def delete_the_account(cast: Cast) -> None:
    User.objects.filter(username="alice").delete()


def take_the_collection(cast: Cast) -> None:
    Collection.objects.get().readers.clear()


def restrict_the_document(cast: Cast) -> None:
    Document.objects.update(restricted=True)


def move_the_document(cast: Cast) -> None:
    Document.objects.update(collection=Collection.objects.create(name="Elsewhere"))


def delete_the_document(cast: Cast) -> None:
    Document.objects.all().delete()


LOSSES = [
    leave_the_group, dissolve_the_group, close_the_account, delete_the_account, take_the_collection,
    restrict_the_document, move_the_document, delete_the_document,
]  # fmt: skip


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_ends_what_its_person_is_answered_and_nobody_elses(
    cast: Cast, passages: frozenset[int], loss: Callable[[Cast], None]
) -> None:
    alice, administrator = (Watched(one.pk, passages, list) for one in (cast.alice, cast.administrator))
    assert lost_of([alice, administrator]) == []
    loss(cast)
    gone = loss is delete_the_document
    assert lost_of([alice, administrator]) == ([alice, administrator] if gone else [alice])


def test_a_curator_who_is_dismissed_is_answered_no_more(cast: Cast, passages: frozenset[int]) -> None:
    bob = Watched(cast.bob.pk, passages, list)
    assert lost_of([bob]) == []
    Appointment.objects.all().delete()
    assert lost_of([bob]) == [bob]


def test_a_stream_ends_in_the_middle_of_a_wait_and_closes_what_writes_it(
    cast: Cast, passages: frozenset[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taken_away, "CHECK_S", 0.05)
    closed = list[bool]()

    async def endless() -> AsyncIterator[str]:
        try:
            yield "first"
            await asyncio.sleep(60)
            yield "second"
        finally:
            closed.append(True)

    async def read() -> list[str]:
        seen = []
        with pytest.raises(AccessLost):
            async for piece in while_readable(endless(), cast.alice.pk, passages):
                seen.append(piece)
                await in_database(leave_the_group)(cast)
        return seen

    assert asyncio.run(asyncio.wait_for(read(), 5)) == ["first"]
    assert closed == [True] and not taken_away._watched


def test_what_is_readable_comes_whole(cast: Cast, passages: frozenset[int]) -> None:
    async def pieces() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    async def read() -> list[int]:
        return [piece async for piece in while_readable(pieces(), cast.alice.pk, passages)]

    assert asyncio.run(read()) == [0, 1, 2] and not taken_away._watched
