"""The four steps, and how far each is: asked of what is there, so that what was undone is not said to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Message, Turn
from chatapp.welcome.models import Setup, current
from inference.routing import page as page_route
from retrieval.models import Collection, Document

State = Literal["done", "later", "open"]
WORDS = {"done": _("done"), "later": _("later"), "open": _("not done yet")}


@dataclass(frozen=True, slots=True)
class Step:
    name: str  # also of its page
    title: str
    state: State
    told: str  # what is there

    @property
    def word(self) -> str:
        return str(WORDS[self.state])


def all_steps(user: User) -> list[Step]:
    setup = current()
    return [_administrator(user), _model(setup), _collection(user, setup), _question(user)]


def first_open(steps: list[Step]) -> Step | None:
    return next((one for one in steps if one.state == "open"), None)


def signs_in_by_themselves(user: User) -> bool:
    """With a password of their own, or by a provider or a directory."""
    return user.has_usable_password() or user.by_provider_at is not None


def ready_in(user: User, collection: Collection | None) -> int:
    """Documents of it, as far as this person may read them."""
    return 0 if collection is None else _ready(user).filter(collection=collection).count()


def to_be_asked(user: User, setup: Setup) -> Collection | None:
    """The chosen one; before there is one, that of the oldest document which can be asked, such as the sample's."""
    if setup.collection is not None:
        return setup.collection
    first = _ready(user).select_related("collection").order_by("created_at").first()
    return first.collection if first else None


def _ready(user: User) -> QuerySet[Document]:
    return Document.objects.readable_by(user).filter(status=Document.Status.READY)


def _administrator(user: User) -> Step:
    done = signs_in_by_themselves(user) and bool(user.email)
    told = ", ".join(filter(None, (user.get_full_name() or user.get_username(), user.email)))
    return Step("administrator", gettext("Your account"), "done" if done else "open", told)


def _model(setup: Setup) -> Step:
    if found := page_route.names():
        return Step("model", gettext("Model"), "done", found[0])
    if setup.model_later:
        return Step("model", gettext("Model"), "later", gettext("Quotations answer meanwhile."))
    return Step("model", gettext("Model"), "open", gettext("There is none yet."))


def _collection(user: User, setup: Setup) -> Step:
    chosen = setup.collection
    if chosen is None or not access.curated(user).filter(pk=chosen.pk).exists():
        return Step("collection", gettext("First collection"), "open", gettext("None is chosen yet."))
    number = ready_in(user, chosen)
    ready = ngettext("%(name)s: %(count)s document ready", "%(name)s: %(count)s documents ready", number)
    told = ready % {"name": chosen.name, "count": number}
    return Step("collection", gettext("First collection"), "done" if number else "open", told)


def _question(user: User) -> Step:
    asked = Turn.objects.filter(asker=user, answer__status=Message.Status.COMPLETE).exists()
    told = gettext("It was answered.") if asked else gettext("Nothing was asked yet.")
    return Step("question", gettext("First question"), "done" if asked else "open", told)
