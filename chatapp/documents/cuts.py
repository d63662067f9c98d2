"""The sizes of passages that a collection may ask for, within what the embedding model reads."""

from __future__ import annotations

from typing import Any

from chatapp.errors import Invalid
from retrieval.cutting.settings import LEAST_TOKENS, settings_of
from retrieval.embedders.tokenizer import most_tokens
from retrieval.models import Collection
from retrieval.versions.current import serving

FIELDS = ("chunk_tokens", "chunk_overlap_tokens")


def bounds() -> dict[str, int]:
    """And what a collection without wishes of its own gets."""
    model = serving().embedding_model
    house = settings_of(Collection(), model)
    most = most_tokens(model)
    return {"least": LEAST_TOKENS, "most": most, "tokens": house.tokens, "overlap": house.overlap}


def set_cut(collection: Collection, changes: dict[str, Any]) -> None:
    """What is stored stays as it is cut; new documents follow at once, the others with the next re-index."""
    given = [name for name in FIELDS if name in changes]
    if not given:
        return
    for name in given:
        setattr(collection, name, changes[name])
    tokens, overlap = collection.chunk_tokens, collection.chunk_overlap_tokens
    limit = bounds()
    if tokens is not None and (isinstance(tokens, bool) or not limit["least"] <= tokens <= limit["most"]):
        raise Invalid(f"A passage has {limit['least']} to {limit['most']} tokens.", advice="Choose a number between.")
    half = (tokens or limit["tokens"]) // 2
    if overlap is not None and (isinstance(overlap, bool) or not 0 <= overlap <= half):
        raise Invalid(f"At most half of a passage can be repeated: {half} tokens.", advice="Choose a smaller number.")
