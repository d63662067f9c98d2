"""What a program was told, for the audit trail: also where it went away before the end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chatapp.accounts.models import User
from chatapp.conversations.trail import program_answered
from inference.engine import TextPiece, Writer


@dataclass
class Told:
    person: User
    question: str
    sources: list[dict[str, Any]] = field(default_factory=list)
    text: str = ""
    engine: str = ""
    status: str = "interrupted"

    def add(self, event: object) -> None:
        if isinstance(event, TextPiece):
            self.text += event.text
        elif isinstance(event, Writer):
            self.engine = event.engine

    def write(self) -> None:
        program_answered(self.person, self.question, self.text, self.engine, self.sources, self.status)
