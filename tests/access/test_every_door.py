"""Every door, every method, every one of the cast: what happens stands in matrix.txt, and nothing else may happen."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest
from django.db import transaction
from django.http.response import HttpResponseBase
from django.test import Client

from tests.access.doors import Door, every_door
from tests.access.house import CAST, WHAT_IS_SECRET, House, build
from tests.access.table import TABLE, Outcomes, heading, letter, lines_of, read_table

_TRAIL = "/admin/governance/auditentry/"  # names what was done to whom
Shown = dict[str, list[str]]  # who was shown what they may not see, and where


@pytest.fixture
def house(transactional_db: None) -> House:
    return build()


@pytest.mark.timeout(1200)  # hundreds of doors, each by ten people
def test_each_door_opens_to_whom_the_table_says_and_to_nobody_else(house: House) -> None:
    found, shown = _tried(house)
    assert not shown, shown
    if os.environ.get("WRITE_ACCESS_MATRIX"):  # then look at the difference: each line is a decision
        TABLE.write_text(heading() + "\n".join(lines_of(found)) + "\n")
    expected = read_table()
    new = {key: letters for key, letters in found.items() if key not in expected}
    gone = sorted({route for route, _ in expected.keys() - found.keys()})
    other = [f"{key}: {expected[key]} expected, {found[key]} found" for key in found if key in expected]
    other = [line for line in other if line.split()[-4] != line.split()[-2]]
    assert not other, "\n".join([f"columns: {', '.join(CAST)}", *other])
    assert not new, "\n".join(["Doors without an entry in tests/access/matrix.txt:", *lines_of(new)])
    assert not gone, f"Doors that are gone: {gone}"


def test_no_door_answers_with_a_fault_of_ours(house: House) -> None:
    assert not [key for key, letters in read_table().items() if "!" in letters]


def _tried(house: House) -> tuple[Outcomes, Shown]:
    clients = {who: house.client(who) for who in CAST}
    outcomes: Outcomes = {}
    shown: Shown = defaultdict(list)
    for door in every_door(house):
        for method in door.methods:
            letters = ""
            for who, client in clients.items():
                answer = _try(client, method, door)
                letters += letter(answer)
                for word in [] if (who, door.route.startswith(_TRAIL)) == ("auditor", True) else _seen(answer, who):
                    shown[who].append(f"{word} at {method} {door.route}")
            outcomes[door.route, method] = letters
    return outcomes, shown


def _try(client: Client, method: str, door: Door) -> HttpResponseBase:
    """What it changes is taken back, and nothing is sent after it."""
    session = client.cookies.get("sessionid")
    kept = session.value if session else ""
    accepted = "text/html" if door.path.startswith("/accounts/") else "application/json"  # short refusals
    with transaction.atomic():
        answer = client.generic(method, door.path, headers={"Accept": accepted})
        transaction.set_rollback(True)
    if kept:
        client.cookies["sessionid"] = kept
    return answer


def _seen(answer: HttpResponseBase, who: str) -> list[str]:
    if answer.streaming:
        answer.close()
        return []
    text = getattr(answer, "content", b"").decode(errors="replace")
    return [word for word, may_see in WHAT_IS_SECRET.items() if word in text and who not in may_see]
