"""The chat page. Its words and messages come over the API; the page itself brings only what is needed to begin."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from chatapp import access
from chatapp.accounts.models import User
from retrieval.models import Document, Passage

EXAMPLES = 3
_LOOKED_AT = 20  # newest documents
LONGEST_HEADING = 60


@require_safe
@ensure_csrf_cookie
def chat(request: HttpRequest, conversation: UUID | None = None) -> HttpResponse:
    user = cast(User, request.user)
    if conversation is not None:
        access.get_conversation(user, conversation)
    readable = Document.objects.filter(collection__in=access.readable_collections(user), status=Document.Status.READY)
    context = {
        "conversation_id": conversation,
        "has_documents": readable.exists(),
        "examples": example_questions(user),
        "administrators": list(
            User.objects.filter(is_superuser=True, is_active=True).values_list("username", flat=True)[:2]
        ),
        "question_characters": settings.QUESTION_CHARACTERS,
    }
    return render(request, "chat.html", context)


def example_questions(user: User) -> list[str]:
    """From the headings of the documents that this person may read, one for each document; those of sections first."""
    readable = Document.objects.filter(collection__in=access.readable_collections(user), status=Document.Status.READY)
    newest = list(readable.order_by("-ready_at").values_list("pk", flat=True)[:_LOOKED_AT])
    passages = (
        Passage.objects.filter(document__in=newest, ordinal__lte=6)
        .exclude(heading="")
        .order_by("-document__ready_at", "document", "ordinal")
        .values_list("document_id", "document__title", "document__name", "heading")
    )
    of_sections: dict[UUID, str] = {}
    of_titles: dict[UUID, str] = {}
    for document, title, name, heading in passages:
        topic = heading.split(" > ")[-1].split(" › ")[-1].strip(" .:#")
        about = title or name
        if not 4 <= len(topic) <= LONGEST_HEADING:
            continue
        of_which = of_titles if topic.casefold() == about.casefold() else of_sections
        of_which.setdefault(document, f"What do the documents say about “{topic}”?")
    others = [question for document, question in of_titles.items() if document not in of_sections]
    return list(dict.fromkeys([*of_sections.values(), *others]))[:EXAMPLES]
