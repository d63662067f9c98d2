"""What an engine is asked fits into its context, also when it goes on with an answer."""

from __future__ import annotations

from django.conf import settings

from chatapp.conversations.generation import Limits, generation
from inference.engine import ChatMessage, Source
from inference.prompts import estimate_tokens

SOURCES = [Source(number, "leave.md", "全职员工每个日历年享有二十八天带薪年假。" * 10) for number in range(1, 50)]

HISTORY = [ChatMessage("user", "May I carry leave over?"), ChatMessage("assistant", "Yes [1].")] * 200


def test_an_answer_that_goes_on_leaves_room_for_what_was_written() -> None:
    config = settings.INFERENCE
    for written in ("", "每满一个月可获得年假的十二分之一。" * 30):
        asked = generation(
            turn_id="turn",
            question="?",
            sources=SOURCES,
            history=HISTORY,
            limits=Limits(in_house=False),
            written=written,
        )
        cost = sum(estimate_tokens(message.content) for message in asked.messages) + estimate_tokens(written)
        assert cost + asked.max_tokens <= config.context_tokens < cost + asked.max_tokens + 1000
