"""An answer that is kept is given to nobody of another organisation, however alike they and their documents are."""

from __future__ import annotations

from uuid import uuid4

from chatapp.conversations.answer_cache import Asking, Identity, _key, _scopes_of
from inference.engine import ChatMessage, Generation, Source
from retrieval.models import Collection
from tests.organisations.houses import home

ASKED = Generation(
    turn_id="1",
    question="How many days?",
    messages=(ChatMessage("system", "Answer."), ChatMessage("user", "How many days?")),
    sources=(Source(1, "Rules", "Thirty days."),),
)
WRITER = Identity("", "local: small", "1", ("", ""))


def test_the_same_question_with_the_same_passages_has_another_key_in_each_organisation(
    transactional_db: None,
) -> None:
    acme, globex = home("acme"), home("globex")
    people = [acme.person, acme.organiser, globex.person]
    mine, of_organiser, foreign = (_key(ASKED, one, WRITER) for one in _scopes_of([Asking(one) for one in people]))
    assert mine == of_organiser, "whoever reads the same there shares"
    assert mine != foreign


def test_naming_the_collection_of_another_organisation_leaves_a_scope_of_ones_own(transactional_db: None) -> None:
    acme, globex = home("acme"), home("globex")
    acme.person.groups.add(globex.group)
    globex.collection.readers.add(acme.group)
    chosen = frozenset({acme.collection.pk, globex.collection.pk, uuid4()})
    scopes = _scopes_of([Asking(acme.person, chosen=chosen), Asking(globex.person, chosen=chosen)])
    tenants = dict(Collection.objects.values_list("pk", "tenant"))
    assert [{tenants[one.collection] for one in scope.collections} for scope in scopes] == [
        {acme.organisation.pk},
        {globex.organisation.pk},
    ]
