"""The pages of retention say what each rule covers and would delete, when it last ran, and what that took along."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.conversations.models import Conversation
from chatapp.privacy import coverage, retention
from chatapp.privacy.models import RetentionRule, RetentionRun
from tests.conftest import Cast, signed_in_client
from tests.privacy.test_retention import RULES, conversation

TRIAL = f"{RULES}would-delete/"


@pytest.fixture
def owners(cast: Cast) -> Group:
    """alice of them has three conversations, bob and charlie outside one each."""
    for days in (5, 40, 400):
        conversation(cast.alice, days)
    conversation(cast.bob, 40)
    conversation(cast.charlie, 400)
    return Group.objects.get(name="owners")


def test_each_rule_says_whom_it_covers_and_how_much_goes(cast: Cast, owners: Group) -> None:
    rules = [RetentionRule.objects.create(group=owners, days=30), RetentionRule.objects.create(days=365)]
    mine, others = (one.coverage for one in coverage.covered(rules))
    assert (mine.people, mine.conversations, mine.due) == (1, 3, 2)
    assert (others.people, others.conversations, others.due) == (3, 2, 1)
    assert mine.oldest is not None and (timezone.now() - mine.oldest).days == 400
    assert coverage.due_now() == 3 == retention.forget_conversations()
    assert coverage.due_now() == 0


def test_without_a_general_rule_everybody_else_is_said_to_be_kept(cast: Cast, owners: Group) -> None:
    mine, others = coverage.covered([RetentionRule.objects.create(group=owners, days=30)])
    assert mine.rule is not None and others.rule is None
    assert (others.coverage.conversations, others.coverage.due) == (2, 0)


@pytest.mark.parametrize(("days", "due"), [(1, 3), (30, 2), (100, 1), (1000, 0)])
def test_a_rule_that_is_not_stored_is_tried_and_deletes_what_it_said(
    cast: Cast, owners: Group, days: int, due: int
) -> None:
    rule = RetentionRule(group=owners, days=days)
    assert coverage.coverage(rule, trial=True).due == due
    assert not RetentionRule.objects.exists() and Conversation.objects.count() == 5
    rule.save()
    assert retention.forget_conversations() == due


def test_a_stored_rule_is_tried_with_other_days(cast: Cast, owners: Group) -> None:
    rule = RetentionRule.objects.create(group=owners, days=30)
    rule.days = 1000
    assert coverage.coverage(rule, trial=True).due == 0 and coverage.due_now() == 2


def test_a_trial_counts_the_shortest_of_several_groups(cast: Cast, owners: Group) -> None:
    members = Group.objects.get(name="members")
    cast.alice.groups.add(members)
    RetentionRule.objects.create(group=members, days=30)
    assert coverage.coverage(RetentionRule(group=owners, days=365), trial=True).due == 2


def test_a_trial_for_everybody_else_leaves_groups_with_a_rule_alone(cast: Cast, owners: Group) -> None:
    RetentionRule.objects.create(group=owners, days=1000)
    assert coverage.coverage(RetentionRule(days=30), trial=True).due == 2


def test_a_rule_that_moves_counts_those_whom_it_leaves_and_those_whom_it_comes_to(cast: Cast, owners: Group) -> None:
    rule = RetentionRule.objects.create(group=owners, days=1000)
    rule.group, rule.days = None, 30
    assert coverage.coverage(rule, trial=True).due == 4
    RetentionRule.objects.create(days=30)
    rule.group, rule.days = Group.objects.get(name="members"), 1000
    due = coverage.coverage(rule, trial=True).due
    rule.save()
    assert retention.forget_conversations() == due == 3, "alice falls to the general rule"


def test_the_page_says_when_it_ran_and_what_went(cast: Cast, owners: Group) -> None:
    boss = signed_in_client(cast.administrator)
    RetentionRule.objects.create(group=owners, days=30)
    shown = boss.get(RULES).content.decode()
    assert "not applied yet" in shown and "2 conversations go at the next run" in shown and "kept for good" in shown
    retention.forget_conversations()
    retention.forget_conversations()
    shown = boss.get(RULES).content.decode()
    assert "0 conversations were deleted" in shown and "Earlier runs" in shown and "2 conversations" in shown


def test_runs_are_kept_for_a_while_alone(cast: Cast) -> None:
    RetentionRun.objects.create()
    RetentionRun.objects.update(ended_at=timezone.now() - timedelta(days=41))
    retention.forget_conversations()
    assert RetentionRun.objects.count() == 1


def test_what_is_typed_is_tried_through_its_door(cast: Cast, owners: Group) -> None:
    boss = signed_in_client(cast.administrator)
    assert "2 go at the next run" in boss.get(TRIAL, {"group": str(owners.pk), "days": "30"}).content.decode()
    nonsense: list[dict[str, str]] = [{}, {"days": "0"}, {"days": "x"}, {"days": "5", "group": "999"}]
    for wrong in nonsense:
        assert "Enter the days" in boss.get(TRIAL, wrong).content.decode()
    rule = RetentionRule.objects.create(group=owners, days=30)
    changed = {"group": str(owners.pk), "days": "100", "rule": str(rule.pk)}
    assert "1 goes at the next run" in boss.get(TRIAL, changed).content.decode()
    assert "Enter the days" in boss.get(TRIAL, {**changed, "rule": "9" * 40}).content.decode()  # there is one already
    assert boss.post(TRIAL, changed).status_code == 405
    assert RetentionRule.objects.get().days == 30
    for other in (cast.alice, cast.charlie):
        assert signed_in_client(other).get(TRIAL, changed).status_code == 404
