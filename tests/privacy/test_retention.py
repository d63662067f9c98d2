"""Conversations end as many days after their last message as the rule of their owner's group says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.governance.models import AuditEntry
from chatapp.organisations.services import create_organisation
from chatapp.privacy import retention
from chatapp.privacy.models import RetentionRule, RetentionRun
from tests.conftest import Cast, signed_in_client

RULES = "/admin/privacy/retentionrule/"


def conversation(owner: User, days: int) -> Conversation:
    made = Conversation.objects.create(owner=owner, title=f"{owner} {days}")
    Message.objects.create(conversation=made, role="user", text="Hello?")
    Conversation.objects.filter(pk=made.pk).update(updated_at=timezone.now() - timedelta(days=days, minutes=1))
    return made


def kept() -> set[str]:
    retention.forget_conversations()
    return {row.title for row in Conversation.objects.all()}


def test_without_rules_all_are_kept(cast: Cast) -> None:
    conversation(cast.alice, 10_000)
    assert kept() == {"alice 10000"}


def test_the_rule_of_the_group_counts_and_for_others_the_general_one(cast: Cast) -> None:
    for person in (cast.alice, cast.bob, cast.charlie):
        for days in (5, 20, 50):
            conversation(person, days)
    RetentionRule.objects.create(group=Group.objects.get(name="owners"), days=30)
    RetentionRule.objects.create(group=None, days=10)
    assert kept() == {"alice 5", "alice 20", "bob 5", "charlie 5"}
    assert not Message.objects.exclude(conversation__in=Conversation.objects.all()).exists()
    entry = AuditEntry.objects.get(action="retention.removed")
    assert (entry.subject, entry.actor_name) == ("5 conversations", "")


def test_of_several_groups_the_shortest_time_counts(cast: Cast) -> None:
    cast.alice.groups.add(Group.objects.get(name="members"))
    for name, days in (("owners", 30), ("members", 7)):
        RetentionRule.objects.create(group=Group.objects.get(name=name), days=days)
    for days in (5, 20):
        conversation(cast.alice, days)
    conversation(cast.charlie, 400)
    assert kept() == {"alice 5", "charlie 400"}


def test_a_conversation_in_which_something_is_written_stays(cast: Cast) -> None:
    RetentionRule.objects.create(days=1)
    made = conversation(cast.alice, 5)
    question = made.messages.get()
    answer = Message.objects.create(conversation=made, parent=question, role="assistant", status="streaming")
    turn = Turn.objects.create(asker=cast.alice, question=question, answer=answer)
    assert kept() == {"alice 5"}
    Turn.objects.filter(pk=turn.pk).update(running=False)
    assert kept() == set()


def test_many_go_in_batches(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    RetentionRule.objects.create(days=1)
    for days in range(2, 7):
        conversation(cast.alice, days)
    assert retention.forget_conversations() == 5


def test_a_run_that_breaks_off_counts_what_it_deleted(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "_BATCH", 2)
    RetentionRule.objects.create(days=1)
    for days in range(2, 7):
        conversation(cast.alice, days)
    forget, left = retention._forget_a_batch, [1]

    def once() -> int:
        if not left:
            raise DatabaseError("away")
        left.pop()
        return forget()

    monkeypatch.setattr(retention, "_forget_a_batch", once)
    with pytest.raises(DatabaseError):
        retention.forget_conversations()
    assert RetentionRun.objects.get().conversations == 2


def test_administrators_make_rules_and_each_change_is_written_down(cast: Cast) -> None:
    admin = signed_in_client(cast.administrator)
    group = Group.objects.get(name="owners")
    assert admin.post(f"{RULES}add/", {"group": group.pk, "days": "30"}).status_code == 302
    assert admin.post(f"{RULES}add/", {"group": group.pk, "days": "40"}).status_code == 200  # there is one
    for days in ("0", "-1", "99999999999"):
        assert admin.post(f"{RULES}add/", {"group": "", "days": days}).status_code == 200
    rule = RetentionRule.objects.get()
    assert admin.post(f"{RULES}{rule.pk}/change/", {"group": group.pk, "days": "60"}).status_code == 302
    assert admin.post(f"{RULES}{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    actions = [entry.action for entry in AuditEntry.objects.order_by("pk")]
    assert actions == ["retention_rule.added", "retention_rule.changed", "retention_rule.removed"]
    cast.bob.is_staff = True
    cast.bob.save()
    assert signed_in_client(cast.bob).get(RULES).status_code in (403, 404)


def test_lines_of_a_rule_for_a_group_are_of_its_organisation(cast: Cast) -> None:
    acme = create_organisation(name="Acme", slug="acme", by=cast.administrator)
    group = Group(name="acme/board")
    group.home = acme.pk  # type: ignore[attr-defined]
    group.save()
    admin = signed_in_client(cast.administrator)
    admin.post(f"{RULES}add/", {"group": group.pk, "days": "30"})
    admin.post(f"{RULES}{RetentionRule.objects.get().pk}/delete/", {"post": "yes"})
    lines = AuditEntry.objects.filter(action__startswith="retention_rule.")
    assert [line.organisation for line in lines] == [acme.pk, acme.pk]
