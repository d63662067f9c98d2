"""As whom a frame asks, of what, and when it ends: over real sockets of a real web process."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Turn
from chatapp.organisations.services import close_organisation, create_organisation
from chatapp.widget import consumer, services, tickets
from chatapp.widget.models import Visit, Widget
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast, signed_in_client, signed_in_session
from tests.conversations.attaching import attach
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until
from tests.widget.conftest import PAGE, make_widget
from tests.widget.frames import FrameSocket, ticket_of

GONE, SIGNED_OUT, OF_ANOTHER, TOO_OLD, TOO_MANY = 4404, 4401, 4403, 4410, 4429


def other_document(index: FakeIndex) -> Document:
    """In a collection that everybody reads and no widget searches; the index finds it for whoever asks."""
    collection = Collection.objects.create(name="Elsewhere", everyone=True)
    document = Document.objects.create(
        collection=collection, name="else.md", size=1, sha256="1" * 64, status="ready", ready_at=timezone.now()
    )
    passage = Passage.objects.create(document=document, ordinal=0, text="The canteen opens at noon.")
    index.hits = [*index.hits, {"passage_id": passage.pk, "score": 0.8, "dense": 0.8, "lexical": 4.0}]
    return document


def test_somebody_signed_in_is_answered_as_themselves_from_the_widgets_collections(
    web: Web, widget: Widget, cast: Cast, handbook: Document, index: FakeIndex, model: ModelDouble
) -> None:
    elsewhere = other_document(index)
    model.words = ["28 days [1]."]
    session = signed_in_session(cast.alice)
    with FrameSocket(web, ticket_of(web, widget, PAGE), session) as socket:
        assert socket.receive()["asks_as"] == "person"
        # What the frame says about collections counts for nothing.
        accepted = socket.ask(collections=[str(elsewhere.collection.pk)], temporary=True)
        frames = socket.until("done")
    assert accepted["temporary"] is False and text_of(frames) == "28 days [1]."
    (sources,) = (frame["sources"] for frame in frames if frame["type"] == "sources")
    assert {one["document"]["name"] for one in sources} == {"leave.md"}
    turn = Turn.objects.get(pk=accepted["turn"])
    assert turn.asker == cast.alice and turn.collections == [str(handbook.collection.pk)]
    assert Client(web, cast.alice).message(accepted)["text"] == "28 days [1]."


def test_who_may_read_none_of_it_is_told(web: Web, widget: Widget, cast: Cast) -> None:
    with FrameSocket(web, ticket_of(web, widget, PAGE), signed_in_session(cast.charlie)) as socket:
        socket.receive()
        refused = socket.ask()
    assert refused["code"] == "nothing_to_read"
    assert not Conversation.objects.exists()


def test_a_stranger_is_asked_to_sign_in_and_somebody_of_another_organisation_is_not_answered(
    web: Web, widget: Widget
) -> None:
    ticket = ticket_of(web, widget, PAGE)
    with FrameSocket(web, ticket) as socket:
        assert socket.closed_with() == SIGNED_OUT
    home = create_organisation(name="Acme", slug="acme", by=None)
    eve = User.objects.create_user("eve@acme", organisation=home)
    with FrameSocket(web, ticket, signed_in_session(eve)) as socket:
        assert socket.closed_with() == OF_ANOTHER


@pytest.mark.parametrize("ticket", ["", "nothing", "a.b.c", "x" * 5000])
def test_without_a_ticket_of_ours_nothing_opens(web: Web, cast: Cast, widget: Widget, ticket: str) -> None:
    with FrameSocket(web, ticket or "none", signed_in_session(cast.alice)) as socket:
        assert socket.closed_with() == GONE


def test_a_ticket_of_the_day_before_yesterday_is_told_from_one_of_nobody(
    web: Web, widget: Widget, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = time.time() - 2 * tickets.LASTS_S
    with monkeypatch.context() as earlier:
        earlier.setattr("django.core.signing.time", SimpleNamespace(time=lambda: then))
        ticket = tickets.issue(widget, PAGE)
    with FrameSocket(web, ticket, signed_in_session(cast.alice)) as socket:
        assert socket.closed_with() == TOO_OLD


@pytest.mark.parametrize(("bound", "network"), [("OF_ONE_ADDRESS", "2001:db8:1:2"), ("OF_ONE_WIDGET", "2001:db8:9:9")])
def test_visitors_have_so_many_sockets_from_an_address_and_of_a_widget(
    visited: Widget, monkeypatch: pytest.MonkeyPatch, bound: str, network: str
) -> None:
    monkeypatch.setattr(consumer, bound, 1)

    async def open_both() -> list[Any]:
        first = frame_of(visited, "2001:db8:1:2::5")
        await first.send_input({"type": "websocket.connect"})
        opened = [await first.receive_output(10), await first.receive_output(10)]
        second = frame_of(visited, f"{network}::77")  # of one network, or of another one
        await second.send_input({"type": "websocket.connect"})
        await second.receive_output(10)
        refused = await second.receive_output(10)
        await first.send_input({"type": "websocket.disconnect", "code": 1000})
        await first.wait(10)
        await second.send_input({"type": "websocket.disconnect", "code": TOO_MANY})
        await second.wait(10)
        return [*opened, refused]

    accepted, hello, refused = asyncio.run(open_both())
    assert (accepted["type"], json.loads(hello["text"])["asks_as"]) == ("websocket.accept", "visitor")
    assert (refused["type"], refused["code"]) == ("websocket.close", TOO_MANY)


def frame_of(widget: Widget, address: str) -> ApplicationCommunicator:
    """A frame's socket in this process."""
    session, offered = SimpleNamespace(session_key=None), [tickets.SUBPROTOCOL, tickets.issue(widget, PAGE)]
    scope: dict[str, Any] = {"type": "websocket", "path": "/ws/widget/", "headers": [], "client": [address, 5]}
    scope |= {"subprotocols": offered, "session": session}
    return ApplicationCommunicator(consumer.WidgetConsumer.as_asgi(), scope)


def test_a_socket_opens_for_pages_of_our_own_address_alone(web: Web, widget: Widget, cast: Cast) -> None:
    from websockets.exceptions import InvalidStatus

    ticket = ticket_of(web, widget, PAGE)
    with pytest.raises(InvalidStatus) as refused:
        FrameSocket(web, ticket, signed_in_session(cast.alice), origin=PAGE)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("kind", ["edit", "regenerate", "continue"])
def test_what_a_frame_has_no_button_for_is_refused(web: Web, widget: Widget, cast: Cast, kind: str) -> None:
    with FrameSocket(web, ticket_of(web, widget, PAGE), signed_in_session(cast.alice)) as socket:
        socket.receive()
        socket.send({"type": kind, "id": "a", "message": str(uuid4()), "text": "And now?"})
        assert socket.until("error")[-1]["code"] == "invalid"


def test_a_visitor_is_answered_for_the_moment_and_hears_of_nobody_else(
    web: Web, visited: Widget, model: ModelDouble
) -> None:
    model.words = ["28 days [1]."]
    with (
        FrameSocket(web, ticket_of(web, visited, PAGE)) as first,
        FrameSocket(web, ticket_of(web, visited, PAGE)) as second,
    ):
        assert [one.receive()["asks_as"] for one in (first, second)] == ["visitor", "visitor"]
        accepted = first.ask()
        assert accepted["temporary"] is True
        assert text_of(first.until("done")) == "28 days [1]."
        for frame in (
            {"type": "resume", "turn": accepted["turn"], "after": 0},
            {"type": "stop", "turn": accepted["turn"]},
            {"type": "ask", "id": "b", "text": "And?", "conversation": accepted["conversation"], "parent": None},
        ):
            second.send(frame)
            assert second.until("error", "accepted", "text")[-1]["code"] == "not_found", frame
        again = first.ask("And then?", conversation=accepted["conversation"], parent=accepted["answer"])
        assert again["conversation"] == accepted["conversation"]
    row = Conversation.objects.get()
    assert row.temporary and row.owner == visited.account and row.owner.is_service
    assert Visit.objects.get().conversation == row


def test_people_and_visitors_are_told_apart_by_what_names_nobody(
    web: Web, visited: Widget, cast: Cast, handbook: Document
) -> None:
    def asker(widget: Widget, ticket: str = "", person: User | None = None) -> str:
        session = signed_in_session(person) if person else ""
        with FrameSocket(web, ticket or ticket_of(web, widget, PAGE), session) as socket:
            told: str = socket.receive()["asker"]
        return told

    ticket, elsewhere = ticket_of(web, visited, PAGE), make_widget(cast.administrator, handbook, name="Elsewhere")
    alice, visitor = asker(visited, person=cast.alice), asker(visited, ticket)
    assert alice == asker(visited, ticket, cast.alice), "in another session, and in another page"
    assert visitor == asker(visited, ticket), "who connects again from the same page"
    others = [asker(visited, person=cast.bob), asker(visited), asker(elsewhere, person=cast.alice)]
    assert len({alice, visitor, *others}) == 5
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in (alice, visitor, *others))
    assert cast.alice.pk.hex != alice


def test_a_visitor_is_shown_no_document_with_readers_of_its_own(
    web: Web, visited: Widget, handbook: Document, model: ModelDouble
) -> None:
    Document.objects.filter(pk=handbook.pk).update(restricted=True)
    model.words = ["Nothing."]
    with FrameSocket(web, ticket_of(web, visited, PAGE)) as socket:
        socket.receive()
        socket.ask()
        frames = socket.until("done")
    assert all(not frame["sources"] for frame in frames if frame["type"] == "sources")


def test_a_visitors_chat_is_deleted_when_it_is_left_and_by_nobody_else(
    web: Web, visited: Widget, model: ModelDouble
) -> None:
    ticket = ticket_of(web, visited, PAGE)
    with FrameSocket(web, ticket) as socket:
        socket.receive()
        accepted = socket.ask()
        socket.until("done")
    address, said = f"{web.url}/widget/leave/", {"conversation": accepted["conversation"]}
    for wrong in (ticket_of(web, visited, PAGE), "nothing", ""):
        assert httpx.post(address, json=said | {"ticket": wrong}).status_code == 404
    assert httpx.post(address, json={"ticket": ticket, "conversation": "x"}).status_code == 400
    assert Conversation.objects.count() == 1
    assert httpx.post(address, json=said | {"ticket": ticket}).status_code == 204
    assert httpx.post(address, json=said | {"ticket": ticket}).status_code == 404
    assert not Conversation.objects.exists()


def test_visitors_ask_as_often_as_is_allowed_from_an_address_and_together(
    web: Web, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    widget = make_widget(cast.administrator, handbook, visitors=True, address_questions=2, visitor_questions=100)
    with FrameSocket(web, ticket_of(web, widget, PAGE)) as socket:
        socket.receive()
        for _ in range(2):
            assert socket.ask()["type"] == "accepted"
            socket.until("done")
    with FrameSocket(web, ticket_of(web, widget, PAGE)) as another:  # a new visitor of the same address
        another.receive()
        refused = another.ask()
    assert refused["code"] == "too_often" and "2 questions an hour" in refused["message"]
    Widget.objects.filter(pk=widget.pk).update(address_questions=1000, visitor_questions=1)
    services.settle(Widget.objects.get(pk=widget.pk), by=cast.administrator, made=False)
    time.sleep(1.1)  # limits are read anew each second
    with FrameSocket(web, ticket_of(web, widget, PAGE)) as socket:
        socket.receive()
        assert socket.ask()["type"] == "accepted"
        socket.until("done")
        assert "1 questions an hour" in socket.ask()["message"]


def _remove(widget: Widget, by: User) -> None:
    services.remove(widget, by=by)


def _switch_off(widget: Widget, by: User) -> None:
    services.switch_off(widget, by=by)


def _renew(widget: Widget, by: User) -> None:
    services.renew_key(widget, by=by)


def _other_origin(widget: Widget, by: User) -> None:
    widget.origins = "https://other.example.com"
    widget.save()
    services.settle(widget, by=by, made=False, changed=["origins"])


LOSSES: list[Callable[[Widget, User], None]] = [_remove, _switch_off, _renew, _other_origin]


@pytest.mark.parametrize("lose", LOSSES)
@pytest.mark.parametrize("as_visitor", [True, False])
def test_what_is_taken_away_ends_the_stream_within_five_seconds(
    web: Web, visited: Widget, cast: Cast, model: ModelDouble, lose: Callable[[Widget, User], None], as_visitor: bool
) -> None:
    model.gate.clear()
    session = "" if as_visitor else signed_in_session(cast.alice)
    with FrameSocket(web, ticket_of(web, visited, PAGE), session) as socket:
        socket.receive()
        assert socket.ask()["type"] == "accepted"
        lose(visited, cast.administrator)
        begun = time.monotonic()
        assert socket.closed_with() == GONE
        assert time.monotonic() - begun < 5
    model.gate.set()


def test_a_lost_session_ends_the_stream_though_visitors_are_answered(web: Web, visited: Widget, cast: Cast) -> None:
    session = signed_in_session(cast.alice)
    with FrameSocket(web, ticket_of(web, visited, PAGE), session) as socket:
        assert socket.receive()["asks_as"] == "person"
        SessionStore(session).delete()
        assert socket.closed_with(5) == SIGNED_OUT


def test_a_closed_organisation_ends_the_stream(web: Web, handbook: Document, cast: Cast, model: ModelDouble) -> None:
    home = create_organisation(name="Acme", slug="acme", by=None)
    Collection.objects.filter(pk=handbook.collection.pk).update(tenant=home.pk)
    handbook.collection.refresh_from_db()
    widget = make_widget(cast.administrator, handbook, organisation=home, visitors=True)
    with FrameSocket(web, ticket_of(web, widget, PAGE)) as socket:
        socket.receive()
        close_organisation(home, by=None)
        assert socket.closed_with(5) == GONE


def test_a_visitors_answer_that_is_being_written_stops_with_the_widget(
    web: Web, visited: Widget, cast: Cast, model: ModelDouble
) -> None:
    model.gate.clear()
    with FrameSocket(web, ticket_of(web, visited, PAGE)) as socket:
        socket.receive()
        accepted = socket.ask()
        wait_until(lambda: model.writing > 0, 10)
        services.remove(visited, by=cast.administrator)
        wait_until(lambda: not Turn.objects.get(pk=accepted["turn"]).running, 5)
    model.gate.set()


def test_a_chat_with_files_does_not_leave_the_house_through_a_widget(
    web: Web, widget: Widget, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    """It reads none of them, and what was said before may rest on them all the same."""
    Collection.objects.create(name="Vault", stays_in_house=True).readers.set(cast.alice.groups.all())
    home = attach(signed_in_client(cast.alice)).json()["conversation"]
    session = signed_in_session(cast.alice)
    with FrameSocket(web, ticket_of(web, widget, PAGE), session) as socket:
        socket.receive()
        socket.ask(conversation=home)
        assert socket.until("done")[-1]["engine"] == "extractive"
    assert model.calls == []
