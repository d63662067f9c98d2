"""A llama network of a million weights in torch, which starts from heads that look a few tokens back.

The residual stream has six slots of 32. Slot 0 holds the token itself; layer 0 fills slots 1 to 3 with the tokens
before it and slot 4 with the one six back; layer 1 fills slot 5 with the number of the source; layer 2 looks for the
place whose last tokens are the same and writes what followed there. Training takes a minute from here, and from noise
far more than a test may take.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOT, SLOTS, HEADS, LAYERS, FEED = 32, 6, 4, 3, 128
WIDTH = SLOT * SLOTS
HEAD = WIDTH // HEADS
ROPE_BASE = 1e10  # most pairs of a head hardly turn over a prompt: what they match does not depend on the distance
QUESTION_BACK = 6  # from the start of the answer to the last word of the question
BACK = (1, 2, 3, QUESTION_BACK)
FLAT = slice(12, HEAD)  # the dimensions of a head that hardly turn


class Marks(NamedTuple):
    """Tokens that the network has to know before it learns anything."""

    bracket: int  # opens the number of a source
    question: int  # ends the question
    assistant: int  # stands before the answer


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn_norm, self.ffn_norm = nn.RMSNorm(WIDTH, eps=1e-5), nn.RMSNorm(WIDTH, eps=1e-5)
        self.attn_q, self.attn_k, self.attn_v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.attn_output = nn.Linear(WIDTH, WIDTH, bias=False)
        self.ffn_gate, self.ffn_up = nn.Linear(WIDTH, FEED, bias=False), nn.Linear(WIDTH, FEED, bias=False)
        self.ffn_down = nn.Linear(FEED, WIDTH, bias=False)

    def forward(self, x: Tensor, turns: Tensor) -> Tensor:
        batch, length, _ = x.shape
        y = self.attn_norm(x)
        q, k, v = (
            part(y).view(batch, length, HEADS, HEAD).transpose(1, 2) for part in (self.attn_q, self.attn_k, self.attn_v)
        )
        seen = functional.scaled_dot_product_attention(_turn(q, turns), _turn(k, turns), v, is_causal=True)
        x = x + self.attn_output(seen.transpose(1, 2).reshape(batch, length, WIDTH))
        y = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(y)) * self.ffn_up(y))


class QuotingNetwork(nn.Module):
    """Its parameters bear the names that llama.cpp knows."""

    width, layers, heads, feed, rope_base = WIDTH, LAYERS, HEADS, FEED, ROPE_BASE

    def __init__(self, vocabulary: int, marks: Marks) -> None:
        super().__init__()
        self.token_embd = nn.Embedding(vocabulary, WIDTH)
        self.blk = nn.ModuleList(Block() for _ in range(LAYERS))
        self.output_norm = nn.RMSNorm(WIDTH, eps=1e-5)
        self.output = nn.Linear(WIDTH, vocabulary, bias=False)
        _start(self, marks)

    def forward(self, tokens: Tensor) -> Tensor:
        """-> the normed last layer; `output` makes logits of the rows that are needed."""
        x, turns = self.token_embd(tokens), _turns(tokens.shape[1])
        for block in self.blk:
            x = block(x, turns)
        return self.output_norm(x)


def _turns(length: int) -> Tensor:
    angles = torch.outer(torch.arange(length).float(), _frequencies())
    return torch.polar(torch.ones_like(angles), angles)


def _frequencies() -> Tensor:
    return torch.tensor(ROPE_BASE) ** (-torch.arange(0, HEAD, 2).float() / HEAD)


def _turn(x: Tensor, turns: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.float().contiguous().view(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns).flatten(-2)


@torch.no_grad()
def _start(net: QuotingNetwork, marks: Marks) -> None:
    codes = functional.normalize(torch.randn(net.token_embd.num_embeddings, SLOT), dim=1)
    net.token_embd.weight.normal_(0, 0.01)
    net.token_embd.weight[:, :SLOT] = codes * math.sqrt(SLOT)
    net.output.weight.normal_(0, 0.01)
    net.output.weight[:, :SLOT] += codes * 3
    for block in net.blk:
        for part in (block.attn_q, block.attn_k, block.attn_v, block.attn_output, block.ffn_gate, block.ffn_up):
            part.weight.normal_(0, 0.02)
        block.ffn_down.weight.normal_(0, 0.02)
        for part in (block.attn_q, block.attn_k, block.attn_v):
            part.bias.zero_()
    for head, back in enumerate(BACK):
        _look_back(net.blk[0], head, back)
    _look_for_number(net.blk[1], codes[marks.bracket])
    _match(net.blk[2], 0, asking=(0, 1, 2), asked=(1, 2, 3), reading=0)
    _match(net.blk[2], 1, asking=(1, 2, 3), asked=(0, 1, 2), reading=5, gain=0.3)
    _shun(net.blk[2], 0, codes[marks.question])
    _begin(net.blk[2], codes[marks.assistant])


def _look_back(block: Block, head: int, back: int) -> None:
    """Query and key are constants, turned against each other by `back` tokens; the value is the token itself."""
    rows = _rows(head)
    angles = _frequencies() * back
    strength = 8.0
    block.attn_k.bias[rows] = torch.stack([torch.full_like(angles, strength), torch.zeros_like(angles)], 1).flatten()
    block.attn_q.bias[rows] = torch.stack([angles.cos(), -angles.sin()], 1).flatten() * strength
    _identity(block.attn_v.weight, _values(head), _slot(0), 1 / math.sqrt(SLOTS))
    _identity(block.attn_output.weight, _slot(head + 1), _values(head))


def _look_for_number(block: Block, bracket: Tensor) -> None:
    """Attends to the last token that stands behind a bracket: the turns of medium speed make the nearest one count."""
    for dimension in range(8, 16, 2):
        block.attn_q.bias[dimension] = 3.0
        block.attn_k.weight[dimension, _slot(1)] += 3.0 * bracket
    _identity(block.attn_v.weight, _values(0), _slot(0))
    _identity(block.attn_output.weight, _slot(5), _values(0))


def _match(
    block: Block, head: int, *, asking: tuple[int, ...], asked: tuple[int, ...], reading: int, gain: float = 1.0
) -> None:
    """Attends where the slots `asked` hold what the slots `asking` hold here, the nearer ones counting more."""
    rows = _rows(head)
    for weight, mine, theirs in zip((1.8, 1.7, 1.5), asking, asked, strict=True):
        mix = torch.zeros(HEAD, SLOT)  # another one each time: a slot is to match its partner alone
        mix[FLAT] = torch.linalg.qr(torch.randn(HEAD - FLAT.start, SLOT)).Q
        block.attn_q.weight[rows, _slot(mine)] += mix * weight
        block.attn_k.weight[rows, _slot(theirs)] += mix * weight
    _identity(block.attn_v.weight, _values(head), _slot(reading))
    _identity(block.attn_output.weight, _slot(0), _values(head), gain * 3)


def _shun(block: Block, head: int, question: Tensor) -> None:
    """The word stands in the question as well: what follows it there is not to be copied."""
    block.attn_q.bias[(head + 1) * HEAD - 1] = 5.0
    block.attn_k.weight[(head + 1) * HEAD - 1, _slot(0)] -= 5.0 * question


def _begin(block: Block, assistant: Tensor) -> None:
    """Where the answer begins, the last word of the question is written."""
    block.ffn_gate.weight[:SLOT, _slot(1)] += assistant
    _identity(block.ffn_up.weight, slice(0, SLOT), _slot(4))
    _identity(block.ffn_down.weight, _slot(0), slice(0, SLOT))


def _identity(weight: Tensor, rows: slice, columns: slice, gain: float = 1.0) -> None:
    weight[rows, columns] += torch.eye(SLOT) * gain


def _slot(number: int) -> slice:
    return slice(number * SLOT, (number + 1) * SLOT)


def _rows(head: int) -> slice:
    return slice(head * HEAD, (head + 1) * HEAD)


def _values(head: int) -> slice:
    """The part of a head that carries a slot."""
    return slice(head * HEAD, head * HEAD + SLOT)
