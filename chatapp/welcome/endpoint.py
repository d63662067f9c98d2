"""An OpenAI-compatible endpoint: asked once to see whether it answers, and put where the chat page asks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, cast
from uuid import uuid4

import structlog
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import transaction

from chatapp.accounts.models import User
from chatapp.governance.services import record
from inference.endpoints import Added, add_endpoint, check_version, is_in_house
from inference.engine import ChatMessage, Finish, Generation, TextPiece
from inference.engines.build import EndpointDescription, engine_for
from inference.engines.provider import ProviderEngine
from inference.errors import EngineUnavailable, InferenceError
from inference.models import ModelVersion
from inference.registry import slug_of
from inference.routing.page import Placed, place

log = structlog.get_logger(__name__)

_PATIENCE_S = 45.0  # of the whole trial
_FIRST_TEXT_S = 30.0
_WORDS = 200  # characters of the answer that are shown
_ASKED = "Say hello in one short sentence."
_MOST_TOKENS = 64
_MEANT = {
    401: ("It refuses the key.", "Check the key, or the setting that holds it."),
    403: ("It does not let this key ask.", "Check what the key is for, there."),
    404: ("It has no such address, or no model of that name.", "The address ends with /v1; check the model's name."),
    405: ("It takes no questions at this address.", "The address ends with /v1."),
    429: ("It is asked too often, or the account there is at its limit.", "Wait a minute, then test it again."),
}
_OUR_SIDE = "Check the address, that it runs there, and that this machine may reach it."
_THEIR_SIDE = "Look at its log."
_NAME = "Check the model's name."


@dataclass(frozen=True, slots=True)
class Trial:
    """`said`: the first words of the answer, or what went wrong. `advice` is '' where it answered."""

    answered: bool
    said: str
    seconds: float
    advice: str = ""


def attempt(given: Mapping[str, Any], *, key: str, by: User) -> Trial:
    """Asks once. The key is used for this alone. Written down. Raises EndpointRejected."""
    version = ModelVersion(name=slug_of(given["model"]), **_described(given))
    check_version(_as_new(version))
    begun = time.monotonic()
    try:
        answered, said, advice = True, async_to_sync(_asked_once)(version, key or _stored_key(version)), ""
    except InferenceError as error:
        log.info("endpoint.trial_failed", reason=error.reason)
        answered, (said, advice) = False, _explained(error)
    with transaction.atomic():
        record("endpoint.tested", version.base_url, by, model=version.model, answered=answered)
    return Trial(answered, said, time.monotonic() - begun, advice)


def _explained(error: InferenceError) -> tuple[str, str]:
    """-> what went wrong and what to do, for whoever sets it up: others are told less."""
    status = error.status
    is_special = error.user_message != type(error).user_message
    if status is None:
        return error.user_message, _OUR_SIDE
    if is_special:
        return error.user_message, error.advice
    if status >= 500:
        return f"It failed itself (status {status}).", _THEIR_SIDE
    return _MEANT.get(status, (f"It refuses the request (status {status}).", f"{_NAME} {_THEIR_SIDE}"))


def add(given: Mapping[str, Any], *, by: User) -> tuple[Added, str]:
    """-> it, and a sentence on where it stands. Raises EndpointRejected, NameTaken."""
    with transaction.atomic():
        added = add_endpoint(name=given["name"], by=by, **_described(given) | {"outside": given["outside"]})
        return added, _told(place(added.version, by=by))


def _described(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": ModelVersion.Kind.OPENAI,
        "base_url": given["base_url"],
        "model": given["model"],
        "key_name": given["key_name"],
        "outside": not is_in_house(given["base_url"]) if given["outside"] is None else given["outside"],
    }


def _as_new(version: ModelVersion) -> ModelVersion:
    """Under a name that nobody has: what is tried need not be added."""
    version.name = f"trial-{uuid4()}"
    return version


def _stored_key(version: ModelVersion) -> str:
    return str(settings.INFERENCE.keys.get(version.key_name, ""))


async def _asked_once(version: ModelVersion, key: str) -> str:
    """-> its first words. Raises InferenceError."""
    config = replace(settings.INFERENCE, first_token_timeout_s=_FIRST_TEXT_S, answer_timeout_s=_PATIENCE_S, retries=0)
    described = EndpointDescription(
        name=f"api: {version.model}",
        kind="openai",
        base_url=version.base_url,
        model=version.model,
        key=key,
        outside=version.outside,
    )
    engine = cast(ProviderEngine, engine_for(described, config))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            return await _first_words(engine)
    except TimeoutError:
        raise EngineUnavailable(f"It did not answer within {_PATIENCE_S:.0f} seconds.") from None
    finally:
        await engine.client().aclose()


async def _first_words(engine: ProviderEngine) -> str:
    messages = (ChatMessage("user", _ASKED),)
    asked = Generation(turn_id=str(uuid4()), question=_ASKED, messages=messages, max_tokens=_MOST_TOKENS)
    text = ""
    async with aclosing(engine.stream(asked)) as pieces:  # type: ignore[type-var]  # it is a generator
        async for piece in pieces:
            if isinstance(piece, TextPiece):
                text += piece.text
            if isinstance(piece, Finish) or len(text) > _WORDS:
                break
    return " ".join(text.split())[:_WORDS]


def _told(placed: Placed) -> str:
    if not placed.on_route:
        return "The chat page goes on asking the endpoint of the settings; a route under Routes can name both."
    if placed.after is not None:
        return f"The chat page asks it behind {placed.after.name}."
    if placed.before is not None:
        return f"The chat page asks it first, then {placed.before.name}."
    return "The chat page asks it."
