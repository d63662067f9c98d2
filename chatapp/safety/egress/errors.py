"""What is said where an answer would give away what is not for its reader."""

from __future__ import annotations

from chatapp.errors import ChatAppError


class InstructionsRepeated(ChatAppError):
    code, http_status = "instructions_repeated", 422
    user_message = "The answer began to repeat the instructions of this assistant, and was ended."
    advice = "Ask about what the documents say."
