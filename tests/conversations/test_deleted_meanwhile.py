"""A conversation that is deleted in the moment in which something is asked in it, or an answer ends: one of the two
comes first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from chatapp.accounts.models import User
from chatapp.conversations import admission, keeping, services
from chatapp.conversations.models import Conversation, FoundBy, Message, Turn
from chatapp.errors import NotFound
from tests.conftest import Cast

WAITS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
Act = Callable[[], Any]


@pytest.fixture
def beside() -> Iterator[Callable[[Act], Future[Any]]]:
    """Does something in a thread with a connection of its own."""

    def closing(act: Act) -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        yield lambda act: pool.submit(closing, act)


def chat_of(person: User) -> Conversation:
    return Conversation.objects.create(owner=person, title="")


def question(home: Conversation) -> Message:
    return Message.objects.create(conversation=home, role="user", text="What?")


def stopped_answer(home: Conversation) -> Message:
    return Message.objects.create(
        conversation=home, parent=question(home), role="assistant", status=Message.Status.STOPPED, text="So"
    )


def ask(home: Conversation) -> Act:
    return lambda: admission.ask_all([admission.Question(home.owner, "What is new?", home.pk)])


def edit(home: Conversation) -> Act:
    message = question(home)
    return lambda: admission.edit(user=home.owner, message=message.pk, text="What is new?")


def write_again(home: Conversation) -> Act:
    message = stopped_answer(home)
    return lambda: admission.regenerate(user=home.owner, message=message.pk)


def go_on(home: Conversation) -> Act:
    message = stopped_answer(home)
    return lambda: admission.continue_answer(user=home.owner, message=message.pk)


ways = pytest.mark.parametrize("way", [ask, edit, write_again, go_on])


def until_somebody_waits() -> None:
    for _ in range(200):
        with connection.cursor() as cursor:
            cursor.execute(WAITS)
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits for a lock")


@ways
def test_what_is_gone_already_takes_no_turn(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, beside: Callable[[Act], Future[Any]], way: Callable[[Any], Act]
) -> None:
    home = chat_of(cast.alice)
    act, hold = way(home), admission._hold

    def hold_late(conversations: Any) -> None:
        beside(lambda: services.delete_conversation(conversation=home)).result(20)
        hold(conversations)

    monkeypatch.setattr(admission, "_hold", hold_late)
    with pytest.raises(NotFound):
        act()
    assert not Turn.objects.exists() and not Message.objects.exists() and not FoundBy.objects.exists()


@ways
def test_what_takes_a_turn_is_deleted_with_it(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, beside: Callable[[Act], Future[Any]], way: Callable[[Any], Act]
) -> None:
    home = chat_of(cast.alice)
    act, hold, deleting = way(home), admission._hold, list[Future[Any]]()

    def hold_and_go_on(conversations: Any) -> None:
        hold(conversations)
        deleting.append(beside(lambda: services.delete_conversation(conversation=home)))
        until_somebody_waits()

    monkeypatch.setattr(admission, "_hold", hold_and_go_on)
    act()
    deleting[0].result(20)
    assert not Conversation.objects.exists() and not Turn.objects.exists() and not Message.objects.exists()


def running_turn(home: Conversation) -> Turn:
    asked = question(home)
    answer = Message.objects.create(conversation=home, parent=asked, role="assistant", status="streaming")
    return Turn.objects.create(asker=home.owner, question=asked, answer=answer, runner=admission.RUNNER)


def finish(turn: Turn) -> bool:
    values = {"text": "As is said.", "sources": [], "status": Message.Status.COMPLETE, "engine": "", "usage": {}}
    return services.finish_turn(turn=turn.pk, answer=turn.answer_id, values=values, cited=[], passages={})


deletions = pytest.mark.parametrize(
    "delete",
    [lambda home: services.delete_conversation(conversation=home), lambda home: keeping.delete(home.owner, [home.pk])],
    ids=["one", "several"],
)


@deletions
def test_an_answer_that_ends_is_deleted_with_its_chat(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, beside: Callable[[Act], Future[Any]], delete: Callable[[Any], Any]
) -> None:
    home, deleting = chat_of(cast.alice), list[Future[Any]]()
    turn, keep = running_turn(home), services._keep_answer

    def keep_beside(*values: Any) -> None:
        deleting.append(beside(lambda: delete(home)))
        until_somebody_waits()
        keep(*values)

    monkeypatch.setattr(services, "_keep_answer", keep_beside)
    assert finish(turn)
    deleting[0].result(20)
    assert not Conversation.objects.exists() and not Turn.objects.exists() and not FoundBy.objects.exists()


@deletions
def test_an_answer_whose_chat_is_being_deleted_stores_nothing(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, beside: Callable[[Act], Future[Any]], delete: Callable[[Any], Any]
) -> None:
    home, ending = chat_of(cast.alice), list[Future[Any]]()
    turn, lock = running_turn(home), services.lock_turns

    def lock_and_wait(conversations: Any) -> Any:
        locked = lock(conversations)
        ending.append(beside(lambda: finish(turn)))
        until_somebody_waits()
        return locked

    monkeypatch.setattr(services, "lock_turns", lock_and_wait)
    monkeypatch.setattr(keeping, "lock_turns", lock_and_wait)
    delete(home)
    assert ending[0].result(20) is False
    assert not Message.objects.exists() and not FoundBy.objects.exists()
