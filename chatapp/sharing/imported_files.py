"""What may be imported, read to plain values: our own JSON, or conversations of ChatGPT's export.

Everything in it comes from outside: counts, lengths and kinds are looked at before anything is believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chatapp.errors import Invalid
from chatapp.json_body import parse
from chatapp.sharing.exporting import FORMAT, VERSION
from retrieval.stored_text import storable

MOST_CONVERSATIONS = 100  # at once; the page sends a large file in parts
MOST_MESSAGES = 2_000  # of one conversation
LONGEST_TEXT = 100_000  # characters of a message
MOST_REPEATED = 2  # times the characters of a file: branches that begin with the same words each hold them
_NAMED = 60  # characters of a title in what is said about its conversation
_ROLES = ("user", "assistant")
_BETWEEN = "\n\n"  # messages that become one
OUR_FORM, _THEIR_FORM = "footnote", "chatgpt"


@dataclass(slots=True)
class ReadMessage:
    """`parent`: its place among the messages of its conversation, before this one; None: it begins one."""

    parent: int | None
    role: str
    text: str


@dataclass(frozen=True, slots=True)
class ReadConversation:
    form: str
    title: str
    messages: list[ReadMessage]


@dataclass(frozen=True, slots=True)
class _Node:
    key: str
    parent: str | None
    role: str  # '': it says nothing, and what follows it follows its parent
    text: str


@dataclass(slots=True)
class _Room:
    """How many characters the messages of a file may still hold."""

    left: int

    def take(self, characters: int, where: str) -> None:
        """Raises NotImported."""
        self.left -= characters
        if self.left < 0:
            raise NotImported(f"{where} repeats too much of its text in its branches.")


class NotImported(Invalid):
    code = "not_imported"
    user_message = "This cannot be imported."
    advice = "Choose a JSON file that Footnote exported, or conversations.json of ChatGPT's export."


def read(content: bytes) -> list[ReadConversation]:
    """Raises NotImported, with the one thing that is wrong."""
    try:
        value = parse(content)
    except ValueError as error:
        raise NotImported(f"This is not JSON that can be read ({str(error)[:100]}).") from None
    rows = value if isinstance(value, list) else [value]
    if not 0 < len(rows) <= MOST_CONVERSATIONS:
        raise NotImported(f"There must be 1 to {MOST_CONVERSATIONS} conversations.")
    room = _Room(MOST_REPEATED * len(content))
    return [_conversation(row, number, room) for number, row in enumerate(rows, start=1)]


def _conversation(row: Any, number: int, room: _Room) -> ReadConversation:
    if not isinstance(row, Mapping):
        raise NotImported(f"Conversation {number} is none.")
    title = storable(row["title"]) if isinstance(row.get("title"), str) else ""
    where = f"Conversation {number}" + (f" (“{title[:_NAMED]}”)" if title else "")
    if row.get("format") == FORMAT:
        form, nodes = OUR_FORM, _ours(row, where)
    elif isinstance(row.get("mapping"), Mapping):
        form, nodes = _THEIR_FORM, _theirs(row["mapping"], where)
    else:
        raise NotImported(f"{where} is in no form that is known here.")
    messages = _in_turns(nodes, where, room)
    if not messages:
        raise NotImported(f"{where} has no message with text.")
    return ReadConversation(form, title, messages)


def _ours(row: Mapping[str, Any], where: str) -> list[_Node]:
    if row.get("version") != VERSION:
        raise NotImported(f"{where} was exported by another version of Footnote.")
    rows = row.get("messages")
    if not isinstance(rows, list):
        raise NotImported(f"{where} has no list of messages.")
    _require_few(rows, where)
    nodes = []
    for one in rows:
        if not isinstance(one, Mapping) or one.get("role") not in _ROLES:
            raise NotImported(f"{where} has a message that is neither a question nor an answer.")
        nodes.append(_node(one.get("id"), one.get("parent"), one["role"], one.get("text"), where))
    return nodes


def _theirs(mapping: Mapping[str, Any], where: str) -> list[_Node]:
    """Instructions, tools, pictures and what is hidden are passed over."""
    _require_few(mapping, where)
    nodes = []
    for key, one in mapping.items():
        if not isinstance(one, Mapping):
            raise NotImported(f"{where} has a message that is none.")
        message = one.get("message")
        role, text = _said(message) if isinstance(message, Mapping) else ("", "")
        nodes.append(_node(key, one.get("parent"), role, text, where))
    return nodes


def _said(message: Mapping[str, Any]) -> tuple[str, str]:
    """-> ('', '') where it is nothing that somebody was shown"""
    author, content, facts = (message.get(name) for name in ("author", "content", "metadata"))
    role = author.get("role") if isinstance(author, Mapping) else None
    hidden = isinstance(facts, Mapping) and facts.get("is_visually_hidden_from_conversation") is True
    parts = content.get("parts") if isinstance(content, Mapping) else None
    to_a_tool = message.get("recipient") not in (None, "all")
    if role not in _ROLES or hidden or to_a_tool or not isinstance(parts, list):
        return "", ""
    text = "\n\n".join(part for part in parts if isinstance(part, str) and part.strip())
    return (role, text) if text else ("", "")


def _node(key: Any, parent: Any, role: str, text: Any, where: str) -> _Node:
    if not isinstance(key, str) or not isinstance(parent, str | None) or not isinstance(text, str):
        raise NotImported(f"{where} has a message whose `id`, `parent` or `text` is no text.")
    text = storable(text).strip()
    _require_short(len(text), where)
    return _Node(key, parent, role if text else "", text)


def _require_few(rows: Any, where: str) -> None:
    if len(rows) > MOST_MESSAGES:
        raise NotImported(f"{where} has more than {MOST_MESSAGES:,} messages.")


def _require_short(characters: int, where: str) -> None:
    if characters > LONGEST_TEXT:
        raise NotImported(f"{where} has a message of more than {LONGEST_TEXT:,} characters.")


def _in_turns(nodes: Iterable[_Node], where: str, room: _Room) -> list[ReadMessage]:
    """The tree from its beginnings, without what says nothing. Messages of one role that follow each other become one,
    so that questions and answers take turns. What hangs on nothing (also in circles) is not reached. Lengths are asked
    before texts are joined: a small file can be a tree whose branches repeat it a thousand times."""
    known = {node.key: node for node in nodes}
    children = defaultdict[str | None, list[_Node]](list)
    for node in known.values():
        children[node.parent if node.parent in known else None].append(node)
    found: list[ReadMessage] = []
    waiting: list[tuple[_Node, int | None]] = [(node, None) for node in reversed(children[None])]
    while waiting:
        node, above = waiting.pop()
        alone = above is None or len(children[node.parent]) == 1
        _require_room(node, found[above] if above is not None else None, where, room, alone=alone)
        here = _placed(node, above, found, alone=alone)
        waiting += [(child, here) for child in reversed(children[node.key])]
    return found


def _require_room(node: _Node, before: ReadMessage | None, where: str, room: _Room, *, alone: bool) -> None:
    """Raises NotImported."""
    joined = before is not None and before.role == node.role
    length = len(node.text) + (len(before.text) + len(_BETWEEN) if before is not None and joined else 0)
    _require_short(length, where)
    room.take(len(node.text) if joined and alone else length, where)


def _placed(node: _Node, above: int | None, found: list[ReadMessage], *, alone: bool) -> int | None:
    """-> the place of the message that what follows the node follows"""
    if not node.role:
        return above
    before = found[above] if above is not None else None
    if before is None or before.role != node.role:
        found.append(ReadMessage(above, node.role, node.text))
    elif alone:
        before.text += f"{_BETWEEN}{node.text}"
        return above
    else:  # one of several ways to go on
        found.append(ReadMessage(before.parent, node.role, f"{before.text}{_BETWEEN}{node.text}"))
    return len(found) - 1
