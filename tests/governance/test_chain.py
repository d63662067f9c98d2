"""The chain of the audit trail tells when a line was changed, removed, put in or moved, and outlives an erasure."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from chatapp.commands import Error
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from chatapp.privacy import sealing
from tests.conftest import Cast, signed_in_client

NAME = "bob of the annex"  # long enough that no cipher text and no token holds it by chance


@pytest.fixture
def trail(cast: Cast) -> list[int]:
    """-> the rows of ten lines, in the order of the chain."""
    cast.bob.username = NAME
    cast.bob.save()
    for number in range(10):
        record("route.changed", f"route {number}", cast.bob, number=number, question=Personal(f"secret {number}"))
    assert chain.chain_all() == 10
    return list(AuditEntry.objects.order_by("sequence").values_list("pk", flat=True))


@contextmanager
def superuser() -> Iterator[Any]:
    """Somebody who owns the database takes the trigger away."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_auditentry DISABLE TRIGGER audit_entry_is_kept")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE governance_auditentry ENABLE TRIGGER audit_entry_is_kept")


def tampered(*statements: str) -> None:
    with superuser() as cursor:
        for statement in statements:
            cursor.execute(statement)


def verified(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """What the command says, and that its exit status tells the same."""
    capsys.readouterr()
    try:
        call_command("audit", "verify", "--json", *options)
        sound = True
    except Error:
        sound = False
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["sound"] is sound
    return said


def test_a_trail_that_nobody_touched_is_sound(trail: list[int], capsys: Any) -> None:
    said = verified(capsys)
    assert (said["sound"], said["lines"], said["not_chained"], said["faults"]) == (True, 10, 0, [])
    assert said["head"] == str(chain.head()) and said["head"].startswith("10:")
    assert verified(capsys, "--head", said["head"])["sound"]


@pytest.mark.parametrize(
    "change",
    [
        "subject = 'another'",
        "detail = '{\"number\": 5}'",
        "at = at + interval '1 microsecond'",
        "actor_id = NULL",
        "actor_name = 'mallory'",
        "action = 'route.added'",
        "sealed = NULL",
        "hash = repeat('a', 64)",
        "previous_hash = repeat('a', 64)",
    ],
)
def test_a_line_that_was_changed_is_named(trail: list[int], change: str, capsys: Any) -> None:
    tampered(f"UPDATE governance_auditentry SET {change} WHERE id = {trail[3]}")
    said = verified(capsys)
    assert (4, trail[3]) in {(fault["line"], fault["row"]) for fault in said["faults"]}
    assert {fault["line"] for fault in said["faults"]} <= {4, 5}


def test_lines_that_were_removed_are_named(trail: list[int], capsys: Any) -> None:
    tampered(f"DELETE FROM governance_auditentry WHERE id IN ({trail[3]}, {trail[6]}, {trail[7]})")
    assert verified(capsys)["faults"] == [
        {"line": 4, "row": None, "what": "was removed."},
        {"line": 7, "row": None, "what": "and those up to 8 were removed."},
    ]


def test_lines_that_changed_places_are_named(trail: list[int], capsys: Any) -> None:
    first, second = trail[2], trail[6]
    tampered(
        f"UPDATE governance_auditentry SET sequence = -1 WHERE id = {first}",
        f"UPDATE governance_auditentry SET sequence = 3 WHERE id = {second}",
        f"UPDATE governance_auditentry SET sequence = 7 WHERE id = {first}",
    )
    assert {(3, second), (7, first)} <= {(fault["line"], fault["row"]) for fault in verified(capsys)["faults"]}


def test_a_line_that_was_taken_out_without_a_gap_is_missed(trail: list[int], capsys: Any) -> None:
    tampered(
        f"DELETE FROM governance_auditentry WHERE id = {trail[3]}",
        *(f"UPDATE governance_auditentry SET sequence = {n} WHERE id = {trail[n]}" for n in range(4, 10)),
    )
    assert verified(capsys)["faults"][0]["line"] == 4


def test_an_end_that_was_cut_off_is_missed_by_who_noted_it(trail: list[int], capsys: Any) -> None:
    noted = verified(capsys)["head"]
    tampered(f"DELETE FROM governance_auditentry WHERE id >= {trail[7]}")
    assert verified(capsys)["sound"]  # the rest by itself is a trail
    (fault,) = verified(capsys, "--head", noted)["faults"]
    assert fault["line"] == 8 and "cut off" in fault["what"]
    for number in range(3):
        record("route.changed", f"forged {number}", None)
    (fault,) = verified(capsys, "--head", noted)["faults"]
    assert fault["line"] == 10 and "is not the line that was noted" in fault["what"]


def test_what_was_noted_wrongly_is_refused(trail: list[int]) -> None:
    for wrong in ("10", "ten:" + "0" * 64, "10:abc", "9" * 30 + ":" + "0" * 64):
        with pytest.raises(Error, match="NUMBER:HASH"):
            call_command("audit", "verify", "--head", wrong)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM governance_auditentry",
        "UPDATE governance_auditentry SET subject = 'another'",
        "UPDATE governance_auditentry SET hash = NULL, sequence = NULL, previous_hash = NULL",
        "UPDATE governance_auditentry SET sealed = NULL",
    ],
)
def test_the_database_refuses_to_change_a_line(trail: list[int], statement: str) -> None:
    record("route.changed", "not chained yet", None)
    with pytest.raises(DatabaseError, match="neither changed nor deleted"), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEntry.objects.count() == 11


def test_what_is_not_chained_yet_is_refused_as_well(cast: Cast) -> None:
    record("route.changed", "footnote", cast.bob)
    for change in ("subject = 'x'", "detail = '{}', hash = 'a', sequence = 1, previous_hash = 'b', subject = 'x'"):
        with pytest.raises(DatabaseError, match="neither"), connection.cursor() as cursor:
            cursor.execute(f"UPDATE governance_auditentry SET {change}")


def test_the_database_refuses_to_empty_the_trail(trail: list[int]) -> None:
    refused = pytest.raises(ProgrammingError, match="neither changed nor deleted")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_auditentry ENABLE TRIGGER audit_trail_is_kept")  # as outside tests
        cursor.execute("TRUNCATE governance_auditentry")
    assert AuditEntry.objects.count() == 10


def test_an_erased_person_is_gone_from_the_trail_which_stays_sound(trail: list[int], cast: Cast, capsys: Any) -> None:
    page = "/admin/governance/auditentry/"
    admin = signed_in_client(cast.administrator)
    for path in (page, f"{page}{trail[0]}/change/"):
        shown = admin.get(path).content.decode()
        assert NAME in shown and "secret 0" in shown
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, '') FROM governance_auditentry e")
        assert NAME not in (stored := cursor.fetchone()[0]) and "secret" not in stored
    sealing.destroy(cast.bob.pk)
    for path in (page, f"{page}{trail[0]}/change/"):
        shown = admin.get(path).content.decode()
        assert "erased" in shown and NAME not in shown and "secret" not in shown
    assert verified(capsys)["sound"]


def test_lines_are_found_by_the_name_and_by_the_number_of_a_person(trail: list[int], cast: Cast) -> None:
    record("model.added", "qwen3", cast.alice)
    admin = signed_in_client(cast.administrator)

    def found(term: str) -> int:
        return admin.get("/admin/governance/auditentry/", {"q": term}).content.decode().count('class="field-action"')

    assert (found(NAME), found("alice"), found(str(cast.bob.pk)), found("model.added")) == (10, 1, 10, 1)
    assert found("nobody") == 0


def test_names_that_older_processes_wrote_plainly_are_sealed_when_they_are_chained(cast: Cast, capsys: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO governance_auditentry (at, actor_id, actor_name, action, subject, detail)"
            " VALUES (now(), %s, 'bob', 'route.changed', 'footnote', '{}')",
            [cast.bob.pk],
        )
    assert verified(capsys)["lines"] == 1
    entry = AuditEntry.objects.get()
    assert (entry.plain_name, entry.actor_name) == ("", "bob")


def test_who_writes_does_not_wait_for_who_writes_beside_them_and_all_are_chained(cast: Cast, capsys: Any) -> None:
    """One transaction stays open meanwhile; its line comes later in the chain, and nothing is missed."""
    opened, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                record("route.changed", "slow", cast.alice)
                opened.set()
                assert go_on.wait(10)
        finally:
            connection.close()

    threads = [threading.Thread(target=slow)]
    threads[0].start()
    assert opened.wait(10)
    threads += [threading.Thread(target=_write_and_chain, args=(cast, n)) for n in range(4)]
    for thread in threads[1:]:
        thread.start()
    for thread in threads[1:]:
        thread.join(20)
    assert verified(capsys)["lines"] == 40
    go_on.set()
    threads[0].join(10)
    said = verified(capsys)
    assert said["sound"] and said["lines"] == 41
    assert AuditEntry.objects.get(sequence=41).subject == "slow"


def _write_and_chain(cast: Cast, writer: int) -> None:
    try:
        for number in range(10):
            record("route.changed", f"{writer}.{number}", cast.bob)
            chain.chain_all()
    finally:
        connection.close()


def test_a_process_that_dies_while_it_chains_leaves_nothing_half_done(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(chain, "_BATCH", 2)
    for number in range(5):
        record("route.changed", str(number), cast.bob)
    real: Callable[[Any], None] = chain._store
    stored: list[int] = []

    def dying(rows: Any) -> None:
        real(rows)
        stored.append(len(rows))
        if len(stored) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(chain, "_store", dying)
        chain.chain_all()
    assert chain.head().sequence == 2
    assert verified(capsys)["lines"] == 5
