"""The four steps, and how far each is: asked of what is there, so that what was undone is not said to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Message, Turn
from chatapp.welcome import answering
from chatapp.welcome.models import Setup, current
from retrieval.models import Document

State = Literal["done", "later", "open"]
WORDS: dict[State, str] = {"done": "done", "later": "later", "open": "not done yet"}


@dataclass(frozen=True, slots=True)
class Step:
    name: str  # also of its page
    title: str
    state: State
    told: str  # what is there

    @property
    def word(self) -> str:
        return WORDS[self.state]


def all_steps(user: User) -> list[Step]:
    setup = current()
    return [_administrator(user), _model(setup), _collection(user, setup), _question(user)]


def first_open(steps: list[Step]) -> Step | None:
    return next((one for one in steps if one.state == "open"), None)


def signs_in_by_themselves(user: User) -> bool:
    """With a password of their own, or by a provider or a directory."""
    return user.has_usable_password() or user.by_provider_at is not None


def ready_documents(user: User, setup: Setup) -> int:
    """Of the chosen collection, as far as this person may read it."""
    if setup.collection is None:
        return 0
    readable = Document.objects.readable_by(user).filter(collection=setup.collection)
    return readable.filter(status=Document.Status.READY).count()


def _administrator(user: User) -> Step:
    done = signs_in_by_themselves(user) and bool(user.email)
    told = ", ".join(filter(None, (user.get_full_name() or user.get_username(), user.email)))
    return Step("administrator", "Administrator", "done" if done else "open", told)


def _model(setup: Setup) -> Step:
    if found := answering.names():
        return Step("model", "Model", "done", found[0])
    if setup.model_later:
        return Step("model", "Model", "later", "Quotations answer meanwhile.")
    return Step("model", "Model", "open", "There is none yet.")


def _collection(user: User, setup: Setup) -> Step:
    chosen = setup.collection
    if chosen is None or not access.curated(user).filter(pk=chosen.pk).exists():
        return Step("collection", "First collection", "open", "None is chosen yet.")
    number = ready_documents(user, setup)
    told = f"{chosen.name}: {number} document{'' if number == 1 else 's'} ready"
    return Step("collection", "First collection", "done" if number else "open", told)


def _question(user: User) -> Step:
    asked = Turn.objects.filter(asker=user, answer__status=Message.Status.COMPLETE).exists()
    told = "It was answered." if asked else "Nothing was asked yet."
    return Step("question", "First question", "done" if asked else "open", told)
