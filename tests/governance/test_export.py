"""The audit trail as lines that collectors of security events read."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from django.core.management import call_command
from django.test import AsyncClient

from chatapp.commands import Error
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from tests.conftest import Cast, signed_in_session

REQUIRED = {
    3001: {"user"},
    3002: {"user", "service"},
    3004: {"entity"},
    3006: {"group"},
    6003: {"actor", "api", "src_endpoint"},
    2006: {"finding_info"},
}  # beyond what every event has
EVERY = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}


def exported(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    call_command("audit", "export", *options)
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def trail(cast: Cast) -> None:
    record("sign_in", cast.bob, cast.bob, way="password")
    record("sign_in.failed", cast.bob, address=Personal("203.0.113.7", cast.bob.pk))
    record("sign_out", cast.bob, cast.bob)
    record("account.disabled", cast.charlie, cast.administrator)
    record("group.member_added", "members", cast.administrator, member=cast.charlie)
    record("turn.ended", "turn 1", cast.alice, question=Personal("Who earns what?"), status="complete")
    record("content.blocked", "question", cast.alice, found=[])
    record("model.added", "qwen3", None)
    record("index version judged", "3", None)


def test_each_line_is_an_event_of_its_class(trail: None, capsys: Any) -> None:
    events = exported(capsys)
    kinds = [(event["class_uid"], event["activity_id"], event["status_id"]) for event in events]
    assert kinds == [
        (3002, 1, 1), (3002, 1, 2), (3002, 2, 1), (3001, 5, 1), (3006, 3, 1), (6003, 1, 1), (2006, 1, 2), (3004, 1, 1),
        (3004, 3, 1), (3004, 2, 1),
    ]  # fmt: skip
    for event in events:
        assert EVERY | REQUIRED[event["class_uid"]] <= event.keys()
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["category_uid"] == event["class_uid"] // 1000
    assert [event["metadata"]["sequence"] for event in events] == list(range(1, 11))
    signed_in, failed, _, disabled = events[:4]
    assert signed_in["actor"]["user"]["name"] == signed_in["user"]["name"] == failed["user"]["name"] == "bob"
    assert failed["src_endpoint"] == {"ip": "203.0.113.7"}
    assert disabled["user"]["name"] == "charlie" and disabled["actor"]["user"]["name"] == "administrator"


def test_people_can_be_left_out(trail: None, cast: Cast, capsys: Any) -> None:
    events = exported(capsys, "--without-personal")
    text = json.dumps(events)
    for personal in ("bob", "charlie", "alice", "203.0.113.7", "earns"):
        assert personal not in text
    assert events[0]["actor"]["user"]["uid"] == str(cast.bob.pk)


def test_lines_since_a_time(trail: None, capsys: Any) -> None:
    before = exported(capsys)
    since = AuditEntry.objects.get(action="model.added").at.isoformat()
    found = [event["metadata"]["event_code"] for event in exported(capsys, "--since", since)]
    assert found == ["model.added", "index version judged", "audit.exported", "audit.exported"]
    assert not exported(capsys, "--since", "2999-01-01")
    assert len(exported(capsys, "--since", "2000-01-01")) == len(before) + 3
    for wrong in ("yesterday", "2026-13-01", "2026-01-01T99:00"):
        with pytest.raises(Error, match="is no time"):
            call_command("audit", "export", "--since", wrong)


async def test_the_administration_gives_the_same_lines(trail: None, cast: Cast, settings: Any) -> None:
    from asgiref.sync import sync_to_async

    async def got(user: Any) -> Any:
        client = AsyncClient()
        client.cookies[settings.SESSION_COOKIE_NAME] = await sync_to_async(signed_in_session)(user)
        return await client.get("/admin/governance/auditentry/export/")

    answer = await got(cast.administrator)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/x-ndjson"
    lines = b"".join([piece async for piece in answer.streaming_content]).splitlines()
    assert len(lines) == 10 and json.loads(lines[0])["user"]["name"] == "bob"
    assert (await got(cast.alice)).status_code == 404


def test_a_long_trail_is_exported_in_little_memory(cast: Cast, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = record("model.added", "qwen3", None, note="x" * 1500)
    rows = [AuditEntry(action=entry.action, subject=str(n), detail=entry.detail) for n in range(6000)]
    AuditEntry.objects.bulk_create(rows, batch_size=1000)
    del rows
    chain.chain_all()
    lines = 0

    def taken(_: Any, text: str, *__: Any) -> None:
        nonlocal lines
        lines += text.count("\n") or 1

    monkeypatch.setattr("django.core.management.base.OutputWrapper.write", taken)
    tracemalloc.start()
    call_command("audit", "export")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == 6002 and peak < 12_000_000
