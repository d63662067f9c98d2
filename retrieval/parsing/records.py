"""Nested values (of JSON, of XML) as blocks that people can read: a record is lines of `path: value`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrieval.parsing.budget import Blocks

_RECORD_CHARACTERS = 1500  # a record above it is divided
_DEPTH = 60
_SCALARS = (str, int, float, bool, type(None))


def add_records(out: Blocks, value: Any, path: str) -> None:
    """A block for each record: what holds no list of others, and is not too long."""
    _add(out, value, path, 0)


def _add(out: Blocks, value: Any, path: str, depth: int) -> None:
    if depth > _DEPTH or _is_record(value):
        out.add("paragraph", "\n".join(_lines(value, "", 0)), locator=path)
    elif isinstance(value, list):
        if all(isinstance(item, _SCALARS) for item in value):
            out.add("paragraph", "\n".join(shown(item) for item in value), locator=path)
        else:
            for number, item in enumerate(value):
                _add(out, item, f"{path}[{number}]", depth + 1)
    else:
        _add_fields(out, value, path, depth)


def _add_fields(out: Blocks, value: dict[str, Any], path: str, depth: int) -> None:
    """The plain fields together, the others each by itself."""
    plain = {key: item for key, item in value.items() if isinstance(item, _SCALARS)}
    if plain:
        out.add("paragraph", "\n".join(_lines(plain, "", 0)), locator=path)
    for key, item in value.items():
        if key not in plain:
            inner = _step(path, key)
            if isinstance(item, list) and all(isinstance(one, _SCALARS) for one in item):
                out.add("paragraph", "\n".join([f"{key}:", *map(shown, item)]), locator=inner)
            else:
                _add(out, item, inner, depth + 1)


def _step(path: str, key: str) -> str:
    simple = key.replace("_", "").replace("-", "").replace("@", "").isalnum()
    return f"{path}.{key}" if simple else f'{path}["{key}"]'


def _is_record(value: Any) -> bool:
    if isinstance(value, _SCALARS):
        return True
    if isinstance(value, list) or _holds_records(value, 0):
        return False
    length = 0
    for line in _lines(value, "", 0):
        length += len(line)
        if length > _RECORD_CHARACTERS:
            return False
    return True


def _holds_records(value: Any, depth: int) -> bool:
    if depth > _DEPTH:
        return False
    if isinstance(value, list):
        return sum(isinstance(item, dict) for item in value) > 1 or any(_holds_records(v, depth + 1) for v in value)
    return isinstance(value, dict) and any(_holds_records(item, depth + 1) for item in value.values())


def _lines(value: Any, path: str, depth: int) -> Iterator[str]:
    if isinstance(value, _SCALARS) or depth > _DEPTH:
        text = shown(value) if isinstance(value, _SCALARS) else "…"
        if text:
            yield f"{path}: {text}" if path else text
    elif isinstance(value, list):
        if all(isinstance(item, _SCALARS) for item in value):
            if value:
                yield f"{path}: {', '.join(shown(item) for item in value)}" if path else ", ".join(map(shown, value))
        else:
            for number, item in enumerate(value):
                yield from _lines(item, f"{path}[{number}]", depth + 1)
    else:
        for key, item in value.items():
            yield from _lines(item, f"{path}.{key}" if path else str(key), depth + 1)


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value.split()) if isinstance(value, str) else str(value)
