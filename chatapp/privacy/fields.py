"""Fields of models whose values stand in Postgres sealed under the key of a person, and are opened where they are read.

This is the one place that seals and opens them. A value is bound to its table, column and row. Rows of earlier
versions hold plain values until `older_texts` has sealed them; both are read alike.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from chatapp.privacy import sealing
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing, Unreadable

if TYPE_CHECKING:
    FieldBase = models.Field[Any, Any]
    TextFieldBase = models.TextField[str, str]
else:
    FieldBase, TextFieldBase = models.Field, models.TextField

log = structlog.get_logger(__name__)


class Sealed(str):
    """As it stands in the database."""

    __slots__ = ()


class _Opened(DeferredAttribute):
    """Opens when the attribute is first read, and keeps what it opened."""

    field: Any

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is None or not isinstance(value, Sealed):
            return value
        instance.__dict__[self.field.attname] = opened = self.field.open(instance, value)
        return opened

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class _SealedField(FieldBase):
    """`person`: the way from a row to the number of the person; `place`: what tells the row from others, and is known
    before it is stored."""

    descriptor_class = _Opened

    def __init__(self, *args: Any, person: str = "pk", place: tuple[str, ...] = ("pk",), **kwargs: Any) -> None:
        self.person, self.place = person, tuple(place)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "person": self.person, "place": self.place}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, Sealed) or _is_nothing(value) or hasattr(value, "resolve_expression"):
            return value
        return self.seal(_person_of(model_instance, self.person), self._place_of(model_instance), value)

    def get_prep_value(self, value: Any) -> Any:
        """A value without its row cannot be sealed: neither `update` nor a filter can be given one."""
        if isinstance(value, Sealed) or _is_nothing(value) or hasattr(value, "resolve_expression"):
            return super().get_prep_value(value)
        raise TypeError(f"{self.name} is sealed: save the row, or use sealed_values().")

    def seal(self, person: UUID, place: str, value: Any) -> Sealed:
        """Raises KeyIsMissing, and Unreadable where the row of the key was tampered with."""
        try:
            return Sealed(sealing.seal_named(person, self.as_text(value), self._about(place)))
        except NotOurs:
            raise Unreadable from None

    def open(self, instance: models.Model, value: Sealed) -> Any:
        """Raises Unreadable."""
        return self.open_at(self._place_of(instance), value)

    def open_at(self, place: str, value: Sealed) -> Any:
        """Raises Unreadable."""
        try:
            text = sealing.unseal_named(value, self._about(place))
        except (KeyIsMissing, NotOurs) as error:
            about = self._about(place)
            log.warning("privacy.unreadable", about=about, reason=type(error).__name__, detail=str(error)[:200])
            raise Unreadable from error
        if text is None:
            raise Unreadable
        return self.of_text(text)

    def as_text(self, value: Any) -> str:
        raise NotImplementedError

    def of_text(self, text: str) -> Any:
        raise NotImplementedError

    def _about(self, place: str) -> str:
        return f"{self.model._meta.db_table}.{self.column}:{place}"

    def _place_of(self, instance: models.Model) -> str:
        return ":".join(str(getattr(instance, name)) for name in self.place)


class SealedTextField(_SealedField, TextFieldBase):
    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        return Sealed(value) if value and sealing.is_named(value) else value

    def as_text(self, value: Any) -> str:
        return str(value)

    def of_text(self, text: str) -> str:
        return text


class SealedJSONField(_SealedField, models.JSONField):
    """What is sealed stands there as a JSON string; what is plain is an object or a list."""

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        found = super().from_db_value(value, expression, connection)
        return Sealed(found) if isinstance(found, str) and sealing.is_named(found) else found

    def as_text(self, value: Any) -> str:
        return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)

    def of_text(self, text: str) -> Any:
        return json.loads(text)


def opened(row: models.Model, field: str) -> Any:
    """What stands there; None: it is sealed, and nobody can open it. So the rest of a page is shown without it."""
    try:
        return getattr(row, field)
    except Unreadable:
        return None


def sealed_values(model: type[models.Model], person: UUID, place: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What `update` may be given for the row at this place: values of sealed fields as they will stand there."""
    fields = {field.name: field for field in model._meta.concrete_fields if isinstance(field, _SealedField)}
    return {
        name: fields[name].seal(person, place, value) if name in fields and not _is_nothing(value) else value
        for name, value in values.items()
    }


def is_plain(row: models.Model) -> bool:
    """Whether a sealed field of this row, as it was read, still holds a plain value."""
    values = [row.__dict__.get(field.attname) for field in row._meta.concrete_fields if isinstance(field, _SealedField)]
    return any(not isinstance(value, Sealed) and not _is_nothing(value) for value in values)


def sealed_fields(model: type[models.Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if isinstance(field, _SealedField)]


def _is_nothing(value: Any) -> bool:
    """It stays as it is, so that the database can tell what is empty."""
    return value is None or value in ("", [], {})


def _person_of(instance: Any, way: str) -> UUID:
    for name in way.split("."):
        instance = getattr(instance, name)
    assert isinstance(instance, UUID)
    return instance
