"""What the application hands inference/ at start-up: it knows nobody's journal, ratings, names or router by itself.

What was not handed over is a fault of the application, and loud: no change without its line in the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser

if TYPE_CHECKING:
    from inference.routing.router import Router

Given = TypeVar("Given")


class NotConnected(RuntimeError):
    def __init__(self, name: str) -> None:
        super().__init__(f"Nothing was connected to inference.seams.{name}: is an app of chatapp/ not installed?")


class Seam(Generic[Given]):
    def __init__(self, name: str) -> None:
        self._name = name
        self._given: Given | None = None

    def connect(self, given: Given) -> None:
        self._given = given

    @property
    def given(self) -> Given:
        """Raises NotConnected."""
        if self._given is None:
            raise NotConnected(self._name)
        return self._given


class Journal(Protocol):
    def __call__(self, action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> object:
        """Writes one line, in the caller's transaction. Raises what the database raises: no change without its line."""


journal: Seam[Journal] = Seam("journal")
# An answer may be rated before its outcome is recorded: -> 1 or -1 by the turn that wrote it.
ratings: Seam[Callable[[Collection[UUID]], Mapping[UUID, int]]] = Seam("ratings")
# What programs mean by other names than those of routes and engines: -> a noun phrase, by name.
names: Seam[Callable[[], Mapping[str, str]]] = Seam("names")
# The web process's, for the pages that say what it would do.
router: Seam[Callable[[], Router]] = Seam("router")
# What an English sentence is in the language of the page that shows it.
said: Seam[Callable[[object], str]] = Seam("said")
