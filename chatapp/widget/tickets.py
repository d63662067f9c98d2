"""What a frame shows when it opens its socket: which widget it is of, in which page, and which visitor it is.

A ticket is signed and comes with the page of the frame, which a browser shows in listed origins alone. It lies in the
memory of the frame, for another site's page keeps no cookie of ours. It travels as a subprotocol: those are in no log.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from chatapp.widget.errors import TooOld
from chatapp.widget.models import Widget

SUBPROTOCOL = "footnote.widget.1"
LASTS_S = 24 * 3600  # the frame of a page that is open for longer loads itself again when it connects
_LONGEST = 1000  # characters


@dataclass(frozen=True, slots=True)
class Ticket:
    widget: uuid.UUID
    key: str  # as it was then: a new one ends what the old one opened
    origin: str
    visitor: uuid.UUID


def issue(widget: Widget, origin: str) -> str:
    """Letters, digits, `-`, `_` and `.`: what RFC 6455 lets a subprotocol consist of."""
    told = {"w": str(widget.pk), "k": widget.key, "o": origin, "v": str(uuid.uuid4())}
    return _signer().sign_object(told)


def read(text: str) -> Ticket | None:
    """None: it is none of ours. Raises TooOld."""
    if len(text) > _LONGEST:
        return None
    try:
        told: dict[str, Any] = _signer().unsign_object(text, max_age=LASTS_S)
        return Ticket(uuid.UUID(told["w"]), told["k"], told["o"], uuid.UUID(told["v"]))
    except SignatureExpired:
        raise TooOld from None
    except (BadSignature, ValueError, KeyError, TypeError):
        return None


def among(subprotocols: Iterable[str]) -> Ticket | None:
    """None: there is none of ours. Raises TooOld."""
    offered = list(subprotocols)
    if len(offered) != 2 or offered[0] != SUBPROTOCOL:
        return None
    return read(offered[1])


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="chatapp.widget.ticket", sep=".")
