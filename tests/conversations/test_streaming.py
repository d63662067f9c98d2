"""Answers over real sockets of a real web process: nothing is lost, nothing is doubled, whoever comes and goes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from chatapp.conversations.models import Message, Turn
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Frame, Socket, numbers_of, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

FATES = Message.Status


def settled(accepted: Frame) -> Message:
    wait_until(lambda: not Turn.objects.get(pk=accepted["turn"]).running, 10)
    return Message.objects.get(pk=accepted["answer"])


def test_a_question_streams_stages_sources_text_citations_and_its_end_in_order(
    alice: Client, model: ModelDouble
) -> None:
    model.words = ["You have ", "28 days ", "[1]", ", and [7] more."]
    with alice.socket() as socket:
        accepted = socket.ask("How many days of leave?")
        frames = socket.until("done")
    assert numbers_of(frames) == list(range(1, len(frames) + 1))
    kinds = [frame["type"] for frame in frames]
    told = ["stage", "sources", "writer", "citations", "grounding", "done"]
    assert [k for k in dict.fromkeys(kinds) if k != "text"] == told
    assert [f["stage"] for f in frames if f["type"] == "stage"] == ["searching", "writing"]
    assert [s["number"] for s in frames[kinds.index("sources")]["sources"]] == [1, 2]
    assert text_of(frames) == "You have 28 days [1], and  more.", "a mark without a source is not shown"
    assert [c["quote"] for c in frames[kinds.index("citations")]["citations"]] == [
        "Everybody has 28 days of leave a year."
    ]
    done = frames[-1]
    assert (done["status"], done["engine"], done["usage"]["completion_tokens"]) == ("complete", "api: double", 4)
    assert {"search", "first_text", "total"} <= done["timings"].keys()
    stored = alice.message(accepted)
    assert (stored["text"], stored["status"]) == (text_of(frames), "complete")
    assert [c["number"] for c in stored["citations"]] == [1]


def test_stages_say_how_many_are_answered_before_and_how_much_is_read(alice: Client, model: ModelDouble) -> None:
    model.progress = [
        {"queue_position": 2, "prompt_tokens_read": 0, "prompt_tokens": 0},
        {"queue_position": 0, "prompt_tokens_read": 128, "prompt_tokens": 900},
    ]
    with alice.socket() as socket:
        socket.ask()
        stages = [frame for frame in socket.until("done") if frame["type"] == "stage"]
    assert [(f["stage"], f["queue_position"], f["read"], f["of"]) for f in stages] == [
        ("searching", None, 0, 0),
        ("reading", 2, 0, 0),
        ("reading", 0, 128, 900),
        ("writing", None, 0, 0),
    ]


def test_a_hundred_reconnects_lose_and_double_nothing(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.05
    chance = random.Random(7)
    with alice.socket() as socket:
        accepted = socket.ask()
    seen: list[Frame] = []
    reconnects = 0
    while not seen or seen[-1]["type"] != "done":
        with alice.socket() as socket:
            reconnects += 1
            socket.resume(accepted["turn"], after=seen[-1]["seq"] if seen else 0)
            for _ in range(chance.randint(1, 2)):
                seen.append(socket.next_of_turn())
                if seen[-1]["type"] == "done":
                    break
            else:
                if chance.random() < 0.5:
                    time.sleep(chance.random() * 0.02)
    while reconnects < 100:  # after the end as well: the stream is kept for a while
        after = chance.randint(0, len(seen) - 1)
        with alice.socket() as socket:
            reconnects += 1
            socket.resume(accepted["turn"], after)
            assert socket.until("done") == seen[after:]
    assert numbers_of(seen) == list(range(1, len(seen) + 1))
    assert text_of(seen) == "".join(model.words) == settled(accepted).text


def test_two_sockets_see_the_same_stream(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.02
    with alice.socket() as first, alice.socket() as second:
        accepted = first.ask()
        elsewhere = second.until("accepted")[-1]
        assert elsewhere == accepted, "the other tab hears of the question"
        second.resume(accepted["turn"])
        assert first.until("done") == second.until("done")


def test_an_answer_goes_on_when_its_page_is_closed(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.02
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
    message = settled(accepted)
    assert (message.status, message.text) == (FATES.COMPLETE, "".join(model.words))


def test_the_greeting_names_running_answers(alice: Client, model: ModelDouble) -> None:
    model.gate.clear()
    with alice.socket() as socket:
        accepted = socket.ask()
        with alice.socket() as second:
            expected = {"turn": accepted["turn"], "conversation": accepted["conversation"]}
            assert second.hello["running"] == [
                {**expected, "answer": accepted["answer"], "from": 0, "temporary": False}
            ]
        detail = alice.get(f"/api/conversations/{accepted['conversation']}/").json()
        assert detail["running"] == [{"turn": accepted["turn"], "answer": accepted["answer"], "from": 0}]
        model.gate.set()
        socket.until("done")


@pytest.mark.parametrize("stage", ["searching", "reading", "writing"])
def test_stop_works_at_once_in_each_stage(alice: Client, model: ModelDouble, index: FakeIndex, stage: str) -> None:
    index.search_delay_s = 3.0 if stage == "searching" else 0.0
    model.pause_s = 0.1
    if stage == "reading":
        model.gate.clear()
    with alice.socket() as socket:
        accepted = socket.ask()
        before = socket.until({"searching": "stage", "reading": "writer", "writing": "text"}[stage])
        begun = time.monotonic()
        socket.send({"type": "stop", "turn": accepted["turn"]})
        frames = socket.until("done")
    assert time.monotonic() - begun < 1.0
    assert frames[-1]["status"] == "stopped"
    message = settled(accepted)
    assert (message.status, message.text) == (FATES.STOPPED, text_of(before + frames))
    if stage != "searching":
        wait_until(lambda: model.writing == 0, 2)  # the stop reached the model


def test_a_stopped_answer_goes_on_from_its_text_with_the_same_sources(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
        stopped = settled(accepted)
        assert stopped.text
        model.words, model.pause_s = ["and ", "so on [2]."], 0.0
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        again = socket.until("accepted")[-1]
        frames = socket.until("done")
    assert again["answer"] == accepted["answer"]
    assert model.calls[-1]["messages"][-2] == {"role": "assistant", "content": stopped.text}
    message = settled(again)
    assert (message.text, message.status) == (stopped.text + "and so on [2].", FATES.COMPLETE)
    assert [s["number"] for f in frames if f["type"] == "sources" for s in f["sources"]] == [1, 2]
    assert [w["from"] for w in message.written_by] == [0, len(stopped.text)]
    assert message.citations.get().number == 2


def test_a_tab_that_joins_a_continued_answer_knows_where_it_begins(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
        before = len(settled(accepted).text)
        model.gate.clear()
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        socket.until("writer")
        with alice.socket() as second:
            assert [one["from"] for one in second.hello["running"]] == [before]
        model.gate.set()
        socket.until("done")


def test_what_may_no_longer_be_read_is_no_source_of_the_continued_answer(
    alice: Client, model: ModelDouble, handbook: Any
) -> None:
    model.pause_s = 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
        handbook.collection.readers.clear()
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        frames = socket.until("done")
    assert next(f for f in frames if f["type"] == "sources")["sources"] == []
    assert "28 days" not in str(model.calls[-1])


def test_edit_and_regenerate_make_branches(alice: Client, model: ModelDouble) -> None:
    model.words = ["Yes."]
    with alice.socket() as socket:
        first = socket.ask("First?")
        socket.until("done")
        socket.send({"type": "regenerate", "id": "b", "message": first["answer"]})
        again = socket.until("accepted")[-1]
        socket.until("done")
        socket.send({"type": "edit", "id": "c", "message": first["question"], "text": "Second?"})
        edited = socket.until("accepted")[-1]
        socket.until("done")
        follow_up = socket.ask("Third?", conversation=edited["conversation"], parent=edited["answer"])
        socket.until("done")
    messages = {str(m.pk): m for m in Message.objects.filter(conversation=first["conversation"])}
    assert len(messages) == 7
    assert again["question"] == first["question"]
    assert str(messages[again["answer"]].parent_id) == first["question"]
    assert messages[edited["question"]].parent_id is None
    assert str(messages[follow_up["question"]].parent_id) == edited["answer"]
    contents = [m["content"] for m in model.calls[-1]["messages"]]
    assert "Second?" in str(contents) and "First?" not in str(contents), "history follows the branch"


def test_an_answer_is_written_again_by_whom_the_asker_chooses(alice: Client, model: ModelDouble) -> None:
    with alice.socket() as socket:
        accepted = socket.ask()
        assert socket.until("done")[-1]["engine"] == "api: double"
        calls = len(model.calls)
        for chosen, writes in (("extractive", "extractive"), ("api: nobody", "api: double")):
            socket.send({"type": "regenerate", "id": "b", "message": accepted["answer"], "engine": chosen})
            writer = next(frame for frame in socket.until("done") if frame["type"] == "writer")
            assert (writer["engine"], writer["note"]) == (writes, "")
        assert len(model.calls) == calls + 1
        socket.send({"type": "regenerate", "id": "b", "message": accepted["answer"], "engine": 5})
        assert "`engine`" in socket.receive()["message"]


def test_an_edited_question_searches_what_the_first_one_searched(
    alice: Client, index: FakeIndex, handbook: Any
) -> None:
    chosen = [str(handbook.collection_id)]
    with alice.socket() as socket:
        accepted = socket.ask(collections=chosen)
        socket.until("done")
        socket.send({"type": "edit", "id": "b", "message": accepted["question"], "text": "And now?"})
        socket.until("done")
    assert [search["collections"] for search in index.searches] == [chosen, chosen]


def test_an_index_that_is_away_fails_the_turn_with_advice_and_keeps_the_question(
    alice: Client, index: FakeIndex
) -> None:
    index.stop()
    try:
        with alice.socket() as socket:
            accepted = socket.ask("How many days of leave?")
            frames = socket.until("done")
    finally:
        index.start()
    error = next(f for f in frames if f["type"] == "error")
    assert error["retryable"] and error["advice"] and frames[-1]["status"] == "failed"
    stored = alice.message(accepted)
    assert (stored["status"], stored["error"]["code"]) == ("failed", error["code"])
    assert Message.objects.get(pk=accepted["question"]).text == "How many days of leave?"


def test_passages_that_stay_in_house_never_reach_an_outside_endpoint(
    alice: Client, model: ModelDouble, index: FakeIndex, handbook: Any
) -> None:
    handbook.collection.stays_in_house = True
    handbook.collection.save()
    with alice.socket() as socket:
        accepted = socket.ask("How many days of leave?")
        frames = socket.until("done")
        index.hits = []  # the next question finds nothing, but its history was written from the handbook
        socket.ask("And more?", conversation=accepted["conversation"], parent=accepted["answer"])
        socket.until("done")
    writer = next(f for f in frames if f["type"] == "writer")
    assert writer["engine"] == "extractive" and "may not leave" in writer["note"]
    assert model.calls == []


def test_a_deleted_conversation_stops_its_answer(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.2
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        assert (
            alice.http.delete(f"/api/conversations/{accepted['conversation']}/", headers=alice.csrf()).status_code
            == 204
        )
        assert socket.until("done")[-1]["status"] == "interrupted"
    wait_until(lambda: model.writing == 0, 3)


def test_a_fourth_question_at_once_is_refused_and_the_others_go_on(alice: Client, model: ModelDouble) -> None:
    model.gate.clear()
    with alice.socket() as socket:
        for number in range(3):
            socket.ask(f"Question {number}?")
        socket.send({"type": "ask", "id": "fourth", "text": "Too many?"})
        error = socket.until("error")[-1]
        assert (error["id"], error["code"], error["retryable"]) == ("fourth", "busy", True)
        model.gate.set()
        ends = 0
        while ends < 3:
            ends += socket.receive()["type"] == "done"
    assert "Too many?" not in [row.text for row in Message.objects.all()]


def test_strangers_cannot_follow_stop_or_change_an_answer(
    alice: Client, client_of: Callable[[Any], Client], cast: Cast, model: ModelDouble
) -> None:
    model.gate.clear()
    with alice.socket() as socket, client_of(cast.bob).socket() as other:
        accepted = socket.ask()
        attempts = [
            {"type": "resume", "turn": accepted["turn"], "after": 0},
            {"type": "stop", "turn": accepted["turn"]},
            {"type": "regenerate", "id": "x", "message": accepted["answer"]},
            {"type": "continue", "id": "x", "message": accepted["answer"]},
            {"type": "edit", "id": "x", "message": accepted["question"], "text": "Mine"},
            {"type": "ask", "id": "x", "text": "Mine", "conversation": accepted["conversation"]},
        ]
        for attempt in attempts:
            other.send(attempt)
            assert other.receive()["code"] == "not_found", attempt
        model.gate.set()
        assert socket.until("done")[-1]["status"] == "complete"
    assert Turn.objects.count() == 1


def test_an_answer_quotes_only_what_its_asker_may_read(
    client_of: Callable[[Any], Client], cast: Cast, handbook: Any, model: ModelDouble
) -> None:
    with client_of(cast.charlie).socket() as socket:
        socket.ask("How many days of leave?")
        frames = socket.until("done")
    assert next(f for f in frames if f["type"] == "sources")["sources"] == []
    assert "28 days" not in str(model.calls)


def test_frames_that_are_not_understood_are_answered_and_the_socket_goes_on(alice: Client) -> None:
    nobody = "00000000-0000-4000-8000-000000000000"
    with alice.socket() as socket:
        for text in (
            "no json",
            "[]",
            "{}",
            '{"type": "dance"}',
            '{"type": "ask", "id": "a", "text": "  "}',
            '{"type": "ask", "id": "a", "text": 5}',
            '{"type": "ask", "text": "x"}',
            '{"type": "ask", "id": "a", "text": "x", "conversation": "one"}',
            '{"type": "ask", "id": "a", "text": "x", "collections": ["one"]}',
            json.dumps({"type": "resume", "turn": nobody, "after": -1}),
            json.dumps({"type": "resume", "turn": nobody, "after": True}),
            json.dumps({"type": "ask", "id": "a", "text": "x" * 20_000}),
            "[" * 60_000,
            b"\x00\x01",
        ):
            socket.connection.send(text)
            error = socket.receive()
            assert (error["type"], error["code"]) == ("error", "invalid"), text[:80]
            assert error["message"] and error["advice"]
        socket.send({"type": "stop", "turn": nobody})
        assert socket.receive()["code"] == "not_found"
        socket.send({"type": "ping"})
        assert socket.receive() == {"type": "pong"}
    assert Message.objects.count() == 0


def test_a_snapshot_replaces_a_stream_that_is_no_longer_held(alice: Client) -> None:
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("done")
        old = Turn.objects.get(pk=accepted["turn"])
        forgotten = Turn.objects.create(asker=old.asker, question=old.question, answer=old.answer, running=False)
        socket.resume(str(forgotten.pk))
        frame = socket.receive()
    assert frame["type"] == "snapshot"
    assert frame["message"] == alice.message(accepted)


def a_new_password(client: Client) -> None:
    client.user.set_password("another horse battery")
    client.user.save()


LOSSES = {"signed out": Client.sign_out, "expired": Client.let_the_session_expire, "new password": a_new_password}


@pytest.mark.parametrize("loss", LOSSES)
def test_losing_the_session_closes_the_socket(alice: Client, loss: str) -> None:
    with alice.socket() as socket:
        LOSSES[loss](alice)
        assert socket.closed_with() == 4401


def test_stopping_again_and_again_while_the_answer_is_being_stored_changes_nothing(
    alice: Client, model: ModelDouble
) -> None:
    model.pause_s = 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        before = socket.until("text")
        for _ in range(30):
            socket.send({"type": "stop", "turn": accepted["turn"]})
        frames = socket.until("done")
    assert frames[-1]["status"] == "stopped"
    message = settled(accepted)
    assert (message.status, message.text) == (FATES.STOPPED, text_of(before + frames))


def test_losing_the_account_closes_the_socket_and_stops_the_answer(alice: Client, model: ModelDouble) -> None:
    model.pause_s = 0.5
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        alice.user.is_active = False
        alice.user.save()
        assert socket.closed_with() == 4401
    assert settled(accepted).status != FATES.COMPLETE


def test_a_stranger_gets_no_socket(web: Any) -> None:
    socket = Socket(web, {"Origin": web.url})
    with pytest.raises(Exception, match="4401"):
        socket.receive()


@pytest.mark.parametrize(
    "origin",
    ["https://elsewhere.example", "http://127.0.0.1:1", "http://localhost", "ftp://127.0.0.1", "null", "http://["],
)
def test_a_page_of_another_site_gets_no_socket(alice: Client, origin: str) -> None:
    with pytest.raises(Exception, match="403"):
        Socket(alice.web, {"Cookie": f"sessionid={alice.session}", "Origin": origin})


def test_an_administrator_who_no_longer_is_one_finds_nothing_over_an_open_socket(
    client_of: Callable[[Any], Client], cast: Cast, handbook: Document, index: FakeIndex
) -> None:
    handbook.collection.readers.clear()
    person = client_of(cast.administrator)
    with person.socket() as socket:
        socket.ask()
        assert [s for frame in socket.until("done") if frame["type"] == "sources" for s in frame["sources"]]
        cast.administrator.is_superuser = False
        cast.administrator.save()
        socket.ask()
        assert not [s for frame in socket.until("done") if frame["type"] == "sources" for s in frame["sources"]]


def test_what_may_no_longer_be_read_is_not_in_old_conversations_either(
    alice: Client, handbook: Document, model: ModelDouble
) -> None:
    model.words = ["28 days [1]."]
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("done")
    before = alice.message(accepted)
    assert before["sources"][0]["text"] and before["citations"][0]["quote"]
    handbook.collection.readers.clear()
    after = alice.message(accepted)
    assert [source["text"] for source in after["sources"]] == ["", ""]
    assert after["citations"][0]["quote"] == ""
    assert after["sources"][0]["document"] == before["sources"][0]["document"], "the name stays"


def test_the_same_words_in_two_collections_are_one_source(
    alice: Client, handbook: Document, index: FakeIndex, model: ModelDouble
) -> None:
    other = Collection.objects.create(name="Archive", everyone=True)
    copy = Document.objects.create(
        collection=other, name="leave.md", size=1, sha256="1" * 64, status="ready", ready_at=timezone.now()
    )
    first = Passage.objects.filter(document=handbook).first()
    assert first is not None
    twin = Passage.objects.create(document=copy, ordinal=0, text=first.text)
    index.hits.append({"passage_id": twin.pk, "score": 0.5, "dense": 0.8, "lexical": 5.0})
    with alice.socket() as socket:
        socket.ask()
        (sources,) = [frame["sources"] for frame in socket.until("done") if frame["type"] == "sources"]
    assert [source["document"]["collection"] for source in sources] == ["Handbook", "Handbook"]
    assert len({source["text"] for source in sources}) == 2


def test_half_a_character_in_an_id_is_refused_and_holds_no_place(alice: Client) -> None:
    for _ in range(25):
        with alice.socket() as socket:
            socket.connection.send('{"type": "ask", "id": "\\ud800", "text": "x"}')
            assert socket.until("error")[-1]["code"] == "invalid"


def test_a_client_that_does_not_read_does_not_hold_up_the_answer(alice: Client, model: ModelDouble) -> None:
    model.words = [("x" * 20_000) + " "] * 300
    slow = Socket(alice.web, {"Cookie": f"sessionid={alice.session}", "Origin": alice.web.url}, slow=True)
    slow.send({"type": "ask", "id": "a", "text": "Much?"})
    wait_until(lambda: Message.objects.filter(status=FATES.COMPLETE, role="assistant").exists(), 20)
    assert len(Message.objects.get(role="assistant").text) == 300 * 20_001
    slow.connection.close_timeout = 0.1
    slow.connection.close()
