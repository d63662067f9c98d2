"""What is sealed for a person can be read in its place, by those who hold the keys, until the person's key is gone."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from chatapp.commands import Error
from chatapp.privacy import keyring, sealing, wrapping
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing
from chatapp.privacy.models import PersonKey

ABOUT = "message.text:7"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """As another process sees it, or this one some seconds later."""
    yield lambda: monkeypatch.setattr(keyring, "_kept", keyring._Kept())


@pytest.fixture
def alice() -> uuid.UUID:
    return uuid.uuid4()


@pytest.mark.parametrize("value", ["", "Straße 7", "\0", "x" * 100_000])
def test_what_is_sealed_is_read_again_also_by_another_process(alice: uuid.UUID, value: str, forget: Any) -> None:
    sealed = sealing.seal(alice, value, ABOUT)
    forget()
    assert sealing.unseal(alice, sealed, ABOUT) == value
    assert sealed.isascii() and (not value.strip("\0") or value not in sealed)
    assert sealing.seal(alice, value, ABOUT) != sealed  # equal values do not look equal


def test_a_value_that_was_moved_or_changed_is_not_read(alice: uuid.UUID) -> None:
    sealed = sealing.seal(alice, "value", ABOUT)
    bob = uuid.uuid4()
    sealing.seal(bob, "of bob", ABOUT)
    changed = sealed[:-2] + ("A" if sealed[-2] != "A" else "B") + sealed[-1]
    for person, found, about in (
        (alice, sealed, "message.text:8"),
        (bob, sealed, ABOUT),
        (alice, changed, ABOUT),
        (alice, "s1.", ABOUT),
        (alice, "no base64!", ABOUT),
    ):
        with pytest.raises(NotOurs):
            sealing.unseal(person, found, about)


def test_a_destroyed_key_is_gone_in_every_process_within_seconds_and_never_comes_back(
    alice: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = sealing.seal(alice, "value", ABOUT)
    elsewhere = keyring._Kept()  # another process, which used the key just now
    elsewhere.put(alice, keyring.keys_of([alice])[alice], time.monotonic())
    sealing.destroy(alice)
    assert sealing.unseal(alice, sealed, ABOUT) is None
    later = sealing.seal(alice, "said after it", ABOUT)  # a turn that was still running: nobody reads it
    assert sealing.unseal(alice, later, ABOUT) is None
    monkeypatch.setattr(keyring, "_kept", elsewhere)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 5.1)
    assert sealing.unseal(alice, sealed, ABOUT) is None
    row = PersonKey.objects.get(person=alice)
    assert row.wrapped is None and row.destroyed_at is not None


def test_who_is_erased_before_they_had_a_key_gets_none(alice: uuid.UUID) -> None:
    sealing.destroy(alice)
    assert sealing.unseal(alice, sealing.seal(alice, "value", ABOUT), ABOUT) is None


def test_an_erasure_that_is_undone_leaves_the_key_of_use(alice: uuid.UUID) -> None:
    sealed = sealing.seal(alice, "value", ABOUT)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sealing.destroy(alice)
        _ = 1 / 0
    assert sealing.unseal(alice, sealed, ABOUT) == "value"


def test_a_key_outlives_the_transaction_that_first_asked_for_it(alice: uuid.UUID, forget: Any) -> None:
    """What somebody else sealed under it meanwhile could not be read otherwise."""
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        sealed = sealing.seal(alice, "value", ABOUT)
        _ = 1 / 0
    forget()
    assert sealing.unseal(alice, sealed, ABOUT) == "value"


def test_who_seals_at_once_for_one_person_uses_one_key(alice: uuid.UUID) -> None:
    def one(number: int) -> str:
        try:
            with transaction.atomic():
                return sealing.seal(alice, str(number), ABOUT)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        sealed = list(pool.map(one, range(16)))
    assert [sealing.unseal(alice, value, ABOUT) for value in sealed] == [str(number) for number in range(16)]
    assert PersonKey.objects.count() == 1


def test_many_are_unsealed_with_one_query(django_assert_num_queries: Any, forget: Any) -> None:
    sealed = {person: sealing.seal(person, "value", ABOUT) for person in (uuid.uuid4() for _ in range(20))}
    forget()
    with django_assert_num_queries(1):
        sealing.prepare(sealed)
        assert {sealing.unseal(person, value, ABOUT) for person, value in sealed.items()} == {"value"}


def test_keys_in_memory_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "_MOST", 3)
    kept = keyring._Kept()
    people = [uuid.uuid4() for _ in range(10)]
    for person in people:
        kept.put(person, b"k", time.monotonic())
    assert [bool(kept.get(person)) for person in people] == [False] * 7 + [True] * 3


def test_after_a_rotation_all_is_read_with_the_new_key_alone(
    alice: uuid.UUID, settings: Any, forget: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(keyring, "_BATCH", 2)
    people = [alice, *(uuid.uuid4() for _ in range(4))]
    sealed = {person: sealing.seal(person, "value", ABOUT) for person in people}
    erased = people.pop()
    sealing.destroy(erased)
    old, new = settings.KEY_ENCRYPTION_KEYS, (secrets.token_urlsafe(48),)
    settings.KEY_ENCRYPTION_KEYS = new + old
    batches = iter([True])
    real = keyring._wrap_a_batch
    with monkeypatch.context() as patch, pytest.raises(StopIteration):
        patch.setattr(keyring, "_wrap_a_batch", lambda: next(batches) and real())  # it dies after the first
        call_command("privacy", "rewrap")
    assert PersonKey.objects.filter(wrapped_by=wrapping.current()).count() == 2
    call_command("privacy", "rewrap", "--json")
    call_command("privacy", "rewrap", "--json")
    assert capsys.readouterr().out == '{"keys": 2}\n{"keys": 0}\n'
    settings.KEY_ENCRYPTION_KEYS = new
    forget()
    assert [sealing.unseal(person, sealed[person], ABOUT) for person in people] == ["value"] * 4
    assert sealing.unseal(erased, sealed[erased], ABOUT) is None


def test_a_key_encryption_key_that_is_gone_is_named(alice: uuid.UUID, settings: Any, forget: Any) -> None:
    sealed = sealing.seal(alice, "value", ABOUT)
    fingerprint = wrapping.current()
    settings.KEY_ENCRYPTION_KEYS = (secrets.token_urlsafe(48),)
    forget()
    with pytest.raises(KeyIsMissing, match=fingerprint):
        sealing.unseal(alice, sealed, ABOUT)
    with pytest.raises(KeyIsMissing):
        sealing.seal(alice, "value", ABOUT)  # never a second key beside the one that is there
    with pytest.raises(Error, match="CHATAPP_KEY_ENCRYPTION_KEYS"):
        call_command("privacy", "rewrap")


def test_nothing_of_a_key_or_a_value_is_in_the_database(alice: uuid.UUID) -> None:
    sealing.seal(alice, "value", ABOUT)
    row = PersonKey.objects.get()
    assert keyring.keys_of([alice])[alice] not in bytes(row.wrapped or b"")
