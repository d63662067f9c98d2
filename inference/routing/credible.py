"""Whether the tokens that an endpoint counts can be those of this answer: budgets are spent by what it says."""

from __future__ import annotations

from inference.engine import Generation, Usage

# What nobody here sees: thoughts, which may go on where an endpoint takes no limit, and what it adds to the prompt.
_UNSEEN = 32_768
_TOKENS_A_BYTE = 2  # of what was sent; no tokenizer makes more than one of a byte


def credible(usage: Usage, asked: Generation, text: str) -> bool:
    """`text`: the answer. Any tokenizer, a program that thinks and one that looks things up are believed."""
    sent = len(asked.written.encode("utf-8", "replace"))
    sent += sum(len(message.content.encode("utf-8", "replace")) for message in asked.messages)
    most_written = _TOKENS_A_BYTE * len(text.encode("utf-8", "replace")) + asked.max_tokens + _UNSEEN
    if (sent and not usage.prompt_tokens) or (text and not usage.completion_tokens):
        return False
    return usage.prompt_tokens <= _TOKENS_A_BYTE * sent + _UNSEEN and usage.completion_tokens <= most_written
