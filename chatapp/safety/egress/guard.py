"""What looks at each answer, whatever the rules of the house are: nothing goes out in a link, and no instructions."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.conf import settings

from chatapp.governance.findings import note
from chatapp.safety.contracts import Filter
from chatapp.safety.egress import canary, links
from chatapp.safety.egress.errors import InstructionsRepeated
from chatapp.safety.spans import Span

log = structlog.get_logger(__name__)


def egress_filters(known: Iterable[str]) -> tuple[Filter, ...]:
    """`known`: what the asker wrote or was shown; addresses in there may be repeated."""
    instructions = canary.canary_filter(settings.SECRET_KEY)
    if links.ANY in settings.LINK_HOSTS:  # no word has to be held back for its end
        return (instructions,)
    return links.LinkFilter(links.allowed(known, settings.LINK_HOSTS)), instructions


def is_of_egress(kind: str) -> bool:
    return kind == canary.KIND or kind in links.SHOWN


def shown(span: Span) -> str:
    """Instead of it. Raises InstructionsRepeated."""
    action = "removed" if span.kind in links.SHOWN else "ended"
    log.info("safety.found", kind=span.kind, action=action)
    note(span.kind, action)
    if span.kind == canary.KIND:
        raise InstructionsRepeated
    return links.SHOWN[span.kind]


def guarded_instructions(instructions: str) -> str:
    """Behind the word that no answer holds: what a program adds has the last say."""
    return f"{canary.line(settings.SECRET_KEY)}\n{instructions}"
