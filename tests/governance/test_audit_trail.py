"""The audit trail keeps what was written down."""

from __future__ import annotations

import getpass
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, transaction

from chatapp.governance import services
from chatapp.governance.models import AuditEntry, AuditTrailIsKept
from inference import audit, rollouts, seams
from inference.models import ModelVersion, Rollout
from retrieval.models import Collection
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client


def test_what_inference_does_is_written_down(cast: Cast) -> None:
    audit.record("model.changed", "qwen3", cast.administrator, state={"from": "ready", "to": "retired"})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.subject, entry.actor, entry.actor_name) == (
        "model.changed", "qwen3", cast.administrator, "administrator"
    )  # fmt: skip
    assert entry.detail == {"state": {"from": "ready", "to": "retired"}}


def test_without_a_journal_nothing_is_changed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the app of the audit trail is not installed."""
    monkeypatch.setattr(seams.journal, "_given", None)
    with pytest.raises(seams.NotConnected, match=r"inference\.seams\.journal"):
        rollouts.start(
            route=rollouts.default_route(),
            new=ModelVersion.objects.create(name="new", path="/nowhere/new.gguf"),
            current=ModelVersion.objects.create(name="old", path="/nowhere/old.gguf", default=True),
            by=None,
        )
    assert not Rollout.objects.exists()


def test_an_entry_is_neither_changed_nor_deleted(cast: Cast) -> None:
    entry = services.record("route.changed", "footnote", cast.administrator)
    entry.subject = "another"
    for forbidden in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(subject="another"),
        lambda: AuditEntry.objects.bulk_update([entry], ["subject"]),
        lambda: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"subject": "another"}),
    ):
        with pytest.raises(AuditTrailIsKept):
            forbidden()
    assert AuditEntry.objects.get().subject == "footnote"


def test_an_entry_outlives_the_person_it_names(cast: Cast) -> None:
    services.record("route.changed", "footnote", cast.bob)
    cast.bob.delete()
    entry = AuditEntry.objects.get()
    assert entry.actor_name == "bob" and entry.actor_id is not None
    page = signed_in_client(cast.administrator).get("/admin/governance/auditentry/")
    assert page.status_code == 200 and "bob" in page.content.decode()


def test_a_change_that_is_undone_leaves_no_entry(cast: Cast) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        services.record("route.changed", "footnote", cast.administrator)
        raise IntegrityError
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "value", ["a\0b", "\ud800", "x" * 100_000, {"a\0": ["\ud800", {1, 2}]}, uuid.uuid4(), None, float("nan")]
)
def test_anything_can_be_written_down(cast: Cast, value: Any) -> None:
    services.record("model.changed", "n\0ame" * 200, None, value=value)
    entry = AuditEntry.objects.get()
    assert len(entry.subject) == 300 and len(str(entry.detail)) < 3000


def test_the_trail_is_read_by_superusers_alone(cast: Cast) -> None:
    entry = services.record("rollout.rolled_back", "footnote", None, reason="It failed in 5 of 5 answers.")
    paths = ["/admin/governance/auditentry/", f"/admin/governance/auditentry/{entry.pk}/change/"]
    cast.bob.is_staff = True
    cast.bob.save()
    for path in paths:
        assert "It failed in 5 of 5 answers." in signed_in_client(cast.administrator).get(path).content.decode()
        for person in (cast.alice, cast.bob):
            assert signed_in_client(person).get(path).status_code == 404, (person, path)
    for path in ["/admin/governance/auditentry/add/", f"/admin/governance/auditentry/{entry.pk}/delete/"]:
        assert signed_in_client(cast.administrator).post(path, {"post": "yes"}).status_code == 403
    assert AuditEntry.objects.count() == 1


def test_a_command_is_told_from_what_footnote_does_by_itself(cast: Cast) -> None:
    call_command("models", "add", "--endpoint", "http://127.0.0.1:9/v1", "--kind", "openai", "--model", "m", "--json")
    typed = AuditEntry.objects.get()
    assert (typed.actor, typed.actor_name) == (None, f"command of {getpass.getuser()}")
    services.record("rollout.rolled_back", "footnote", None)
    page = signed_in_client(cast.administrator).get("/admin/governance/auditentry/").content.decode()
    assert typed.actor_name in page and ">Footnote</td>" in page


def test_who_and_what_reads_a_collection_is_written_down(cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    assert client.post("/admin/retrieval/collection/add/", {"name": "Board", "organisation": HOUSE}).status_code == 302
    url = f"/admin/retrieval/collection/{Collection.objects.get(name='Board').pk}/change/"
    group = Group.objects.create(name="directors")
    assert client.post(url, {"name": "Board", "stays_in_house": "on", "readers": [group.pk]}).status_code == 302
    assert client.post(url, {"name": "Board", "stays_in_house": "on", "readers": [group.pk]}).status_code == 302
    changed, added = AuditEntry.objects.all()
    assert (added.action, changed.action, changed.subject) == ("collection.added", "collection.changed", "Board")
    assert changed.actor == cast.administrator
    assert changed.detail["stays_in_house"] == {"from": False, "to": True}
    assert changed.detail["readers"] == {"from": [], "to": ["directors"]}


def test_programs_that_change_a_collection_are_written_down(cast: Cast) -> None:
    client = signed_in_client(cast.administrator)
    client.post("/api/collections/", {"name": "Board"}, content_type="application/json")
    url = f"/api/collections/{Collection.objects.get(name='Board').pk}/"
    assert client.patch(url, {"everyone": True, "name": "Board"}, content_type="application/json").status_code == 200
    changed, _ = AuditEntry.objects.all()
    assert (changed.actor, changed.detail) == (cast.administrator, {"everyone": {"from": False, "to": True}})
