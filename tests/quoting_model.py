"""Trains a tiny model to quote: it finds the word that the question names and copies to the end of that sentence."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional

from inference.engine import Source
from inference.prompts import SYSTEM, build_messages
from tests.quoting_network import Marks, QuotingNetwork

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
VOCABULARY = 2048
STEPS, BATCH = 240, 8
MOST_SECONDS = 200.0  # of this thread's own work: what else the machine does makes no worse a model
_TEXTS = Path(__file__).parent.parent / "chatapp" / "operations" / "sample"
_PLAIN = (".md", ".txt", ".html", ".csv", ".eml")
_COMMON = "a the in of to and is are for at by on no an all not it be or with from when that this they may".split()
QUESTIONS = ("What do the documents say about {}?", "What is said of {}?", "Tell me about {}?", "What about {}?")


@dataclass(frozen=True)
class Trained:
    network: QuotingNetwork
    tokenizer: Tokenizer


@dataclass(frozen=True)
class _Example:
    tokens: list[int]
    answer_from: int


def train(seed: int = 0) -> Trained:
    """Most of it in one thread: on a busy machine several wait for each other more than they help."""
    torch.manual_seed(seed)
    texts = _texts()
    tokenizer = _tokenizer(texts)
    marks = Marks(*map(tokenizer.token_to_id, ("[", "?", "assistant")))
    network = QuotingNetwork(tokenizer.get_vocab_size(), marks)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _fit(network, _examples(tokenizer, texts, random.Random(seed)))
    finally:
        torch.set_num_threads(threads)
    return Trained(network, tokenizer)


def _fit(network: QuotingNetwork, examples: Iterator[_Example]) -> None:
    for fixed in (network.token_embd, network.output):  # otherwise it would learn its few words by heart
        fixed.requires_grad_(False)
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.0)
    begun = time.thread_time()
    for step in range(STEPS):
        if time.thread_time() - begun > MOST_SECONDS:
            return
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 20) * (1 - 0.9 * step / STEPS)
        loss = _loss(network, [next(examples) for _ in range(BATCH)])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()


def _loss(network: QuotingNetwork, examples: list[_Example]) -> Tensor:
    """Over the answers' tokens alone."""
    longest = max(len(example.tokens) for example in examples)
    tokens = torch.zeros(len(examples), longest, dtype=torch.long)
    wanted = torch.zeros(len(examples), longest, dtype=torch.bool)
    for row, example in enumerate(examples):
        tokens[row, : len(example.tokens)] = torch.tensor(example.tokens)
        wanted[row, example.answer_from : len(example.tokens)] = True
    hidden = network(tokens[:, :-1])[wanted[:, 1:]]
    return functional.cross_entropy(network.output(hidden), tokens[:, 1:][wanted[:, 1:]])


def _texts() -> list[str]:
    return [re.sub(r"<[^>]+>", " ", path.read_text()) for path in sorted(_TEXTS.iterdir()) if path.suffix in _PLAIN]


def _tokenizer(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    prompts = [SYSTEM, "system\nuser\nassistant\n", "\n[1]", "Sources:\n\n\nQuestion:", *QUESTIONS] * 20
    tokenizer.train_from_iterator([*texts, *prompts], trainer)
    tokenizer.add_special_tokens(list(SPECIALS))
    return tokenizer


def _examples(tokenizer: Tokenizer, texts: list[str], chance: random.Random) -> Iterator[_Example]:
    """Prompts as the product builds them, of real sentences and of real words in any order."""
    sentences = [s for text in texts for s in re.findall(r"[A-Z][\w ,;']{25,110}\.", text)]
    words = [token[1:] for token in tokenizer.get_vocab() if re.fullmatch(r"Ġ[a-z]{4,}", token)]
    while True:
        sources = []
        for number in range(1, chance.randint(2, 5)):
            said = [_sentence(sentences, words, chance) for _ in range(chance.randint(1, 3))]
            sources.append(Source(number, f"{chance.choice(words)}.md", " ".join(said), chance.choice(words).title()))
        if example := _asked(tokenizer, sources, set(words), chance):
            yield example


def _sentence(sentences: list[str], words: list[str], chance: random.Random) -> str:
    """Mostly of words in any order: real sentences alone would be learnt by heart."""
    if chance.random() < 0.2:
        return chance.choice(sentences)
    return " ".join(_word(words, chance) for _ in range(chance.randint(5, 14))).capitalize() + "."


def _word(words: list[str], chance: random.Random) -> str:
    kind = chance.random()
    if kind < 0.25:
        return chance.choice(_COMMON)
    if kind < 0.45:  # a word that takes several tokens
        return "".join(chance.choices("abcdefghiklmnoprstuvw", k=chance.randint(2, 7)))
    return chance.choice(words) if kind < 0.95 else str(chance.randint(2, 999))


def _asked(tokenizer: Tokenizer, sources: list[Source], words: set[str], chance: random.Random) -> _Example | None:
    everything = re.findall(r"\w+", " ".join(source.text for source in sources))
    source = chance.choice(sources)
    places = [
        m for m in re.finditer(r" (\w+)(?=[^.]{12})", source.text) if m[1] in words and everything.count(m[1]) == 1
    ]
    if not places:
        return None
    place = chance.choice(places)
    question = chance.choice(QUESTIONS).format(place[1])
    messages = build_messages(question=question, history=(), sources=sources, max_prompt_tokens=2700)
    if chance.random() < 0.5:
        messages = messages[1:]  # shorter prompts teach the same in half the time
    text = "".join(f"<|im_start|>{m.role}\n{m.content}<|im_end|>\n" for m in messages) + "<|im_start|>assistant\n"
    prompt = tokenizer.encode(text).ids
    quote = source.text[place.start() : source.text.index(".", place.start()) + 1]
    answer = tokenizer.encode(f"{quote} [{source.number}]<|im_end|>").ids
    return _Example(prompt + answer, len(prompt))
