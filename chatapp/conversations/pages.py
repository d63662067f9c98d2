"""The chat page. Its words and messages come over the API; the page itself brings only what is needed to begin."""

from __future__ import annotations

import re
from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from chatapp import access
from chatapp.accounts import links
from chatapp.accounts.models import User
from retrieval.models import Collection, Document, Passage
from retrieval.versions.members import served

EXAMPLES = 3
_LOOKED_AT = 20  # newest documents
LONGEST_HEADING = 60
_LONGEST_CAPITALS = 6  # GDPR is a topic, PERSONAL DETAILS the part of a form
_NUMBERED = re.compile(
    r"(sheet|table|tabelle|tab|blatt|slide|folie|page|seite|chapter|kapitel|section|abschnitt|part|teil|appendix|annex"
    r"|anhang|figure|abbildung|form|article|artikel)[\s.-]*(\d+|[ivxlc]+|[a-z])\b.*",
    re.IGNORECASE | re.DOTALL,
)
_NUMBER = re.compile(r"(?:(?:page|seite)\s+)?(?:(?:\d+[.)]|\d+(?:\.\d+)+[.)]?)\s+)?", re.IGNORECASE)  # before a heading
# Every second document has one: what it says of which, nobody can tell.
_EVERYWHERE = frozenset(
    "contact contacts introduction summary overview contents index references conclusion conclusions notes general "
    "appendix background scope purpose definitions kontakt einleitung einführung zusammenfassung überblick übersicht "
    "inhalt inhaltsverzeichnis anhang allgemeines fazit quellen hinweise zweck geltungsbereich".split()
)
_FILE = re.compile(r".*\.[a-z]\w{1,4}", re.IGNORECASE | re.DOTALL)


# Compressed: nothing in it is chosen by whoever makes one ask for it, and its token is masked anew each time (BREACH).
@require_safe
@gzip_page
@ensure_csrf_cookie
def chat(request: HttpRequest, conversation: UUID | None = None) -> HttpResponse:
    user = cast(User, request.user)
    if links.owes_password(request):
        return redirect("set_password")
    if conversation is not None:
        access.get_conversation(user, conversation)
    readable = Document.objects.readable_by(user).filter(status=Document.Status.READY)
    context = {
        "conversation_id": conversation,
        "has_documents": readable.exists(),
        "examples": example_questions(user),
        "administrators": list(access.administrators_of(user).values_list("username", flat=True)[:2]),
        "question_characters": settings.QUESTION_CHARACTERS,
        "attachments_offered": settings.ATTACHMENTS_PER_CHAT > 0,
        "attachment_bytes": settings.ATTACHMENT_BYTES,
    }
    return render(request, "chat.html", context)


def example_questions(user: User, collection: Collection | None = None) -> list[str]:
    """From the headings of the documents that this person may read, one for each document; those of sections first.
    Where they say little, the document's title. `collection` None: of all of them.
    """
    readable = Document.objects.readable_by(user).filter(status=Document.Status.READY)
    if collection is not None:
        readable = readable.filter(collection=collection)
    newest = list(readable.order_by("-ready_at").values_list("pk", flat=True)[:_LOOKED_AT])
    passages = (
        served(Passage.objects.filter(document__in=newest, ordinal__lte=6))
        .exclude(heading="")
        .order_by("-document__ready_at", "document", "ordinal")
        .values_list("document_id", "document__title", "document__name", "heading")
    )
    of_sections: dict[UUID, str] = {}
    of_titles: dict[UUID, str] = {}
    for document, title, name, heading in passages:
        topic = _topic(heading.split(" > ")[-1].split(" › ")[-1])
        if not _is_telling(topic):
            topic = _topic(title)
            if not _is_telling(topic):
                continue
        of_which = of_titles if topic.casefold() in (title.casefold(), name.casefold()) else of_sections
        of_which.setdefault(document, f"What do the documents say about “{topic}”?")
    others = [question for document, question in of_titles.items() if document not in of_sections]
    return list(dict.fromkeys([*of_sections.values(), *others]))[:EXAMPLES]


def _topic(heading: str) -> str:
    """Without its number."""
    return _NUMBER.sub("", heading.strip(" .:#"), count=1).strip(" .:#")


def _is_telling(topic: str) -> bool:
    """Neither `Sheet1` nor `Chapter 2: ...` nor the name of a file, of a part of a form or of a place says what it is
    about."""
    letters = sum(char.isalpha() for char in topic)
    if not 4 <= len(topic) <= LONGEST_HEADING or letters < len(topic) / 2:
        return False
    if sum(char.isupper() for char in topic) > letters / 2 and len(topic) > _LONGEST_CAPITALS:
        return False
    is_address = "," in topic and topic.istitle()
    if is_address or topic.casefold() in _EVERYWHERE:
        return False
    return not (_NUMBERED.fullmatch(topic) or _FILE.fullmatch(topic))
