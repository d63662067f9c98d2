"""Bodies of OpenAI's chat completions, read with care. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inference.batching.contract import Sampling
from inference.engine import ChatMessage, Role
from inference.errors import BadRequest

MESSAGES = 500
STOPS, STOP_CHARACTERS = 8, 200
GRAMMAR_CHARACTERS = 20_000
_SCHEMA_DEPTH = 30
BIASES = 1024
NAME_CHARACTERS = 200
_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_JSON = r"""root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}" ws
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
"""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    model: str
    messages: tuple[ChatMessage, ...]
    sampling: Sampling
    schema: str  # JSON schema that the answer has to follow; '' for none
    stream: bool
    include_usage: bool
    user: str
    cache_key: str
    public_messages: int
    timeout_s: float = math.inf  # the answer ends then, with what there is


def read(body: dict[str, Any], *, most_tokens: int) -> CompletionRequest:
    """Raises BadRequest with a sentence that names the field."""
    grammar, schema = _format(body)
    user, safety = _text(body, "user"), _text(body, "safety_identifier")
    if _number(body, "n", 1, 1, 1) != 1:
        raise BadRequest("`n` must be 1.")
    return CompletionRequest(
        model=_text(body, "model"),
        messages=_messages(body),
        sampling=_sampling(body, most_tokens, grammar),
        schema=schema,
        stream=_flag(body, "stream"),
        include_usage=_wants_usage(body),
        user=user or safety,
        cache_key=_text(body, "prompt_cache_key") or user or safety,
        public_messages=_integer(body, "footnote_public_messages", 0, MESSAGES, 0),
        timeout_s=_number(body, "footnote_timeout_s", 0, 86_400, math.inf),
    )


def _messages(body: dict[str, Any]) -> tuple[ChatMessage, ...]:
    given = body.get("messages")
    if not isinstance(given, list) or not given or len(given) > MESSAGES:
        raise BadRequest(f"`messages` must be a list of 1 to {MESSAGES} messages.")
    return tuple(_message(message) for message in given)


def _message(given: Any) -> ChatMessage:
    role = _ROLES.get(str(given.get("role"))) if isinstance(given, dict) else None
    if role is None:
        raise BadRequest("Each message needs a role: system, user or assistant.")
    content = given.get("content")
    if isinstance(content, list) and all(_is_text(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise BadRequest("The content of each message must be a string, or parts of text.")
    return ChatMessage(role, _whole(content))


def _whole(text: str) -> str:
    """Half characters cannot be sent on."""
    return text.encode("utf-8", "replace").decode()


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type", "text") == "text" and isinstance(part.get("text"), str)


def _sampling(body: dict[str, Any], most_tokens: int, grammar: str) -> Sampling:
    most = _integer(body, "max_tokens", 1, 100_000, most_tokens)
    top_logprobs = _integer(body, "top_logprobs", 0, 20, 0)
    return Sampling(
        max_tokens=_integer(body, "max_completion_tokens", 1, 100_000, most),
        temperature=_number(body, "temperature", 0, 2, 0.7),
        top_p=_number(body, "top_p", 0, 1, 0.95),
        top_k=_integer(body, "top_k", 1, 1000, 40),
        min_p=_number(body, "min_p", 0, 1, 0),
        seed=_integer(body, "seed", -(2**63), 2**64 - 1, 0) & 0xFFFFFFFF,
        stop=_stop(body),
        frequency_penalty=_number(body, "frequency_penalty", -2, 2, 0),
        presence_penalty=_number(body, "presence_penalty", -2, 2, 0),
        repeat_penalty=_number(body, "repeat_penalty", 0.1, 10, 1),
        logit_bias=_logit_bias(body),
        top_logprobs=top_logprobs if _flag(body, "logprobs") else None,
        grammar=grammar,
    )


def _stop(body: dict[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    stop = [] if stop is None else stop
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or len(stop) > STOPS:
        raise BadRequest(f"`stop` must be at most {STOPS} strings.")
    if not all(isinstance(one, str) and 0 < len(one) <= STOP_CHARACTERS for one in stop):
        raise BadRequest(f"Each of `stop` must be a string of 1 to {STOP_CHARACTERS} characters.")
    return tuple(map(_whole, stop))


def _logit_bias(body: dict[str, Any]) -> tuple[tuple[int, float], ...]:
    given = {} if body.get("logit_bias") is None else body["logit_bias"]
    if not isinstance(given, dict) or len(given) > BIASES:
        raise BadRequest(f"`logit_bias` must be an object of at most {BIASES} tokens.")
    if not all(token.isdecimal() and len(token) < 10 for token in given):
        raise BadRequest("`logit_bias` maps token ids to numbers.")
    return tuple((int(token), _number(given, token, -100, 100, 0)) for token in given)


def _format(body: dict[str, Any]) -> tuple[str, str]:
    """-> a GBNF grammar or a JSON schema, at most one of them."""
    given = {"type": "text"} if body.get("response_format") is None else body["response_format"]
    grammar = "" if body.get("grammar") is None else body["grammar"]
    if not isinstance(grammar, str) or len(grammar) > GRAMMAR_CHARACTERS:
        raise BadRequest(f"`grammar` must be a string of at most {GRAMMAR_CHARACTERS} characters.")
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "text":
        return grammar, ""
    if kind == "json_object":
        return _JSON, ""
    named = given.get("json_schema") if kind == "json_schema" else None
    if isinstance(named, dict):
        return "", _schema(named.get("schema"))
    raise BadRequest("`response_format` must be of type text, json_object or json_schema.")


def _schema(schema: Any) -> str:
    if not isinstance(schema, dict) or _depth(schema) > _SCHEMA_DEPTH:
        raise BadRequest(f"The JSON schema must be an object, nested at most {_SCHEMA_DEPTH} levels.")
    text = json.dumps(schema)
    if len(text) > GRAMMAR_CHARACTERS:
        raise BadRequest(f"The JSON schema must have at most {GRAMMAR_CHARACTERS} characters.")
    return text


def _depth(value: Any) -> int:
    level, depth = [value], 0
    while level and depth <= _SCHEMA_DEPTH:
        depth += 1
        level = [child for one in level for child in _children(one)]
    return depth


def _children(value: Any) -> Sequence[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _wants_usage(body: dict[str, Any]) -> bool:
    options = {} if body.get("stream_options") is None else body["stream_options"]
    if not isinstance(options, dict):
        raise BadRequest("`stream_options` must be an object.")
    return _flag(options, "include_usage")


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"`{name}` must be true or false.")
    return bool(value)


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > NAME_CHARACTERS:
        raise BadRequest(f"`{name}` must be a string of at most {NAME_CHARACTERS} characters.")
    return _whole(value)


def _integer(body: dict[str, Any], name: str, least: int, most: int, default: int) -> int:
    value = _number(body, name, least, most, default)
    if value != int(value):
        raise BadRequest(f"`{name}` must be a whole number.")
    return int(body[name]) if body.get(name) is not None else default


def _number(body: dict[str, Any], name: str, least: float, most: float, default: float) -> float:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise BadRequest(f"`{name}` must be a number.")
    if not least <= value <= most:
        raise BadRequest(f"`{name}` must be a number from {least:g} to {most:g}.")
    return value
