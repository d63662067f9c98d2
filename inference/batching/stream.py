"""One request in a slot."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from inference.batching.contract import Chosen, DecodingContext, Ended, Piece, Reason, Request, Sampler, TokenText
from inference.batching.lookup import PromptLookup
from inference.batching.sequences import Held
from inference.batching.text import TextOut


@dataclass(eq=False)
class Stream:
    request: Request
    held: Held
    sampler: Sampler
    out: TextOut
    most: int  # tokens that may be written
    lookup: PromptLookup | None
    tokens: list[int]  # the prompt, then what was written
    cached: int = 0  # prompt tokens that needed no computing
    leader: Stream | None = None  # computes a prompt that begins as this one does, and is further
    shared: int = 0  # so much of it
    retried: bool = False
    drafted: int = 0
    accepted: int = 0
    begun: float = field(default_factory=time.monotonic)
    _text: str = ""
    _texts: list[TokenText] = field(default_factory=list)

    @property
    def pending(self) -> list[int]:
        """Tokens that the context has not seen; the last one's logits choose the next token."""
        return self.tokens[len(self.held.tokens) :]

    @property
    def due(self) -> int:
        return len(self.tokens) - len(self.held.tokens)

    @property
    def written(self) -> int:
        return len(self.tokens) - len(self.request.prompt)

    @property
    def reads(self) -> bool:
        """Its prompt is still being computed."""
        return self.due > 1

    def draft(self, most: int) -> list[int]:
        """Never so long that the answer would be."""
        if self.lookup is None:
            return []
        return self.lookup.draft(min(most, self.most - self.written - 1))

    def take(self, chosen: Chosen, context: DecodingContext) -> Reason | None:
        """One token more. -> why the answer ends with it, if it does."""
        if context.is_end(chosen.token):
            return "stop"
        self.tokens.append(chosen.token)
        if self.lookup is not None:
            self.lookup.extend([chosen.token])
        piece = context.piece(chosen.token)
        self._text += self.out.push(piece)
        if chosen.logprob is not None:
            alternatives = tuple((context.piece(token), logprob) for token, logprob in chosen.alternatives)
            self._texts.append(TokenText(piece, chosen.logprob, alternatives))
        if self.out.stopped:
            return "stop"
        return "length" if self.written >= self.most else None

    def piece(self, *, last: bool = False) -> Piece | None:
        """What gathered since the last call."""
        text = self._text + (self.out.rest() if last else "")
        texts, self._text, self._texts = tuple(self._texts), "", []
        return Piece(text, texts) if text or texts else None

    def ended(self, reason: Reason) -> Ended:
        prompt = len(self.request.prompt)
        return Ended(reason, prompt, self.written, min(self.cached, prompt), self.drafted, self.accepted)
