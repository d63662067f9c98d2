"""Questions can be limited without the calls that the page makes by itself."""

from __future__ import annotations

import time
from uuid import uuid4

import httpx

from chatapp.accounts.keys import create_key
from chatapp.limits import recent
from chatapp.limits.models import Limit, Resource
from tests.conversations.web import Client


def test_questions_of_the_page_and_of_programs_have_a_limit_of_their_own(alice: Client) -> None:
    Limit.objects.create(resource=Resource.QUESTIONS, amount=2, seconds=3600, user=alice.user)
    time.sleep(recent.READ_AGAIN_S + 0.1)
    with alice.socket() as socket:
        socket.ask()
        socket.until("done")
        key = create_key(user=alice.user, name="k")
        ask = {"model": "", "messages": [{"role": "user", "content": "How many days of leave?"}]}
        answers = [
            httpx.post(f"{alice.web.url}/v1/chat/completions", json=ask, headers={"Authorization": f"Bearer {key}"})
            for _ in range(2)
        ]
        assert [one.status_code for one in answers] == [200, 429]
        assert "2 questions an hour" in answers[1].json()["error"]["message"]
        socket.send({"type": "ask", "id": "b", "text": "And sick leave?"})
        refused = socket.until("error")[-1]
    assert refused["code"] == "too_often" and "2 questions an hour" in refused["message"]
    assert [alice.get("/api/collections/").status_code for _ in range(5)] == [200] * 5


def test_questions_that_are_refused_take_none(alice: Client) -> None:
    Limit.objects.create(resource=Resource.QUESTIONS, amount=2, seconds=3600, user=alice.user)
    time.sleep(recent.READ_AGAIN_S + 0.1)
    headers = {"Authorization": f"Bearer {create_key(user=alice.user, name='k')}"}
    ask = {"model": "", "messages": [{"role": "user", "content": "How many days of leave?"}]}
    with alice.socket() as socket:
        for number in range(3):
            socket.send({"type": "ask", "id": f"a{number}", "text": "How many?", "conversation": str(uuid4())})
            assert socket.until("error")[-1]["code"] == "not_found"
            unknown = {**ask, "model": "nobody-knows-it"}
            answer = httpx.post(f"{alice.web.url}/v1/chat/completions", json=unknown, headers=headers)
            assert answer.status_code == 404
        socket.ask()
        socket.until("done")
    answer = httpx.post(f"{alice.web.url}/v1/chat/completions", json=ask, headers=headers)
    assert answer.status_code == 200
