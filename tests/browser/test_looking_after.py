"""An administrator's jobs in a browser, from the first page on: each in a few clicks, in both themes and on a phone."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation
from chatapp.limits import budgets
from chatapp.limits.models import Budget, Spent
from chatapp.operations import state
from chatapp.privacy.models import RetentionRule, RetentionRun
from inference.models import Candidate, ModelVersion, Rollout, Route
from retrieval.models import Collection
from tests.browser.administration import check

_AT = {"kind": "openai", "base_url": "https://models.example.com/v1", "outside": True}


@pytest.fixture
def sales(person: Any, monkeypatch: pytest.MonkeyPatch) -> Group:
    """A group with somebody in it, who has old conversations and a budget that is nearly used up."""
    monkeypatch.setattr(state, "everything", lambda: [state.Shown("Worker", "missing", "No worker answers.")])
    group = Group.objects.create(name="sales")
    seller = User.objects.create_user("grace", "grace@example.com")
    seller.groups.add(group)
    Collection.objects.create(name="Price lists").readers.add(group)
    for days in (3, 40, 400):
        made = Conversation.objects.create(owner=seller)
        Conversation.objects.filter(pk=made.pk).update(updated_at=timezone.now() - timedelta(days=days))
    own = Budget.objects.create(group=group, tokens=1_000_000, cost=Decimal("50"))
    Spent.objects.create(budget=own, month=budgets.this_month(), tokens=850_000, cost=Decimal("31.5"))
    return group


def open_job(page: Any, name: str) -> None:
    page.goto("/admin/")
    page.locator(".jobs").get_by_role("link", name=name, exact=True).click()


def test_the_first_page_says_what_needs_somebody(page: Any, sales: Group) -> None:
    page.goto("/admin/")
    needs = page.get_by_role("region", name="What needs you")
    expect(needs.get_by_text("1 budget is nearly used up.")).to_be_visible()
    expect(needs.get_by_text("Worker: No worker answers.")).to_be_visible()
    assert page.problems == []
    check(page, "first-page")
    needs.get_by_role("link", name="1 budget is nearly used up.").click()
    expect(page.get_by_role("heading", name="Budgets of this month")).to_be_visible()


def test_budgets_are_seen_in_one_click_and_one_of_them_in_two(page: Any, sales: Group) -> None:
    open_job(page, "Budgets")
    expect(page.get_by_text("850,000 of 1,000,000")).to_be_visible()
    expect(page.get_by_text("85 %: nearly used up")).to_be_visible()
    check(page, "budgets")
    page.get_by_role("link", name="sales", exact=True).click()
    expect(page.get_by_role("heading", name="Months")).to_be_visible()
    assert page.problems == []
    check(page, "budget")


def test_a_rule_of_retention_shows_what_it_would_delete_while_it_is_typed(page: Any, sales: Group) -> None:
    RetentionRule.objects.create(group=sales, days=90)
    RetentionRun.objects.create(conversations=4)
    open_job(page, "Retention rules")
    expect(page.get_by_text("1 conversation goes at the next run.")).to_be_visible()
    check(page, "retention")
    page.get_by_role("link", name="sales", exact=True).click()
    page.get_by_label("Days").fill("30")
    expect(page.get_by_text("2 go at the next run")).to_be_visible()
    page.get_by_label("Days").fill("1000")
    expect(page.get_by_text("0 go at the next run")).to_be_visible()
    assert RetentionRule.objects.get().days == 90 and page.problems == []
    check(page, "retention-rule")


def test_a_model_is_swapped_by_a_trial_that_is_raised_and_promoted(page: Any, sales: Group) -> None:
    gamma, delta = (ModelVersion.objects.create(name=name, model=name, **_AT) for name in ("gamma", "delta"))
    route = Route.objects.create(name="page", default=True)
    Candidate.objects.create(route=route, version=gamma, position=1)
    page.goto(f"/admin/inference/modelversion/{delta.pk}/change/")
    page.get_by_role("link", name="Put it in another's place").click()
    expect(page.get_by_role("button", name="Replace for everybody at once")).to_be_visible()
    page.get_by_role("button", name="Start the roll-out").click()
    page.get_by_role("button", name="50 %", exact=True).click()
    expect(page.get_by_text("delta takes 50 % of the people of page.")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#figures").get_by_text("paused")).to_be_visible()
    assert page.problems == []
    check(page, "rollout")
    page.get_by_label("Another share, in percent").fill("20")
    page.get_by_role("button", name="Set the share").click()
    page.get_by_role("button", name="Promote delta").click()
    expect(page.get_by_text("delta was promoted on page.")).to_be_visible()
    assert Rollout.objects.get().state == "promoted" and route.candidates.get().version == delta


def let_answer(page: Any, name: str) -> None:
    page.get_by_role("row", name=name).get_by_role("checkbox").check()
    page.locator("select[name=action]").select_option("let_answer")
    page.get_by_role("button", name="Run").or_(page.get_by_role("button", name="Go")).click()


def test_a_model_outside_is_let_answer_once_that_is_confirmed(page: Any, sales: Group) -> None:
    small = ModelVersion.objects.create(name="small", path="/srv/small.gguf", default=True)
    ModelVersion.objects.create(name="delta", model="delta-1", **_AT)
    page.goto("/admin/inference/modelversion/")
    let_answer(page, "delta")
    expect(page.get_by_role("heading", name="Let delta answer on the chat page?")).to_be_visible()
    check(page, "let-answer")
    page.get_by_role("link", name="Leave it as it is").click()
    assert not Candidate.objects.exists()
    let_answer(page, "delta")
    page.get_by_role("button", name="Let it answer on the chat page").click()
    expect(page.get_by_text("Now delta answers on the chat page.")).to_be_visible()
    assert [one.version.name for one in Candidate.objects.select_related("version")] == ["delta", small.name]


def test_the_form_of_a_roll_out(page: Any, sales: Group) -> None:
    page.goto("/admin/inference/rollout/add/")
    expect(page.get_by_role("button", name="Replace for everybody at once")).to_be_visible()
    check(page, "rollout-start")


def test_a_person_is_found_and_seen_at_a_glance(page: Any, sales: Group) -> None:
    open_job(page, "People")
    page.get_by_role("textbox", name="Search").or_(page.locator("#searchbar")).first.fill("grace@")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="grace", exact=True).click()
    glance = page.get_by_role("region", name="At a glance")
    expect(glance.get_by_text("In sales, which reads the collection")).to_be_visible()
    expect(glance.get_by_text("85 %")).to_be_visible()
    assert page.problems == []
    check(page, "person", within=".glance")


def test_the_pages_stand_at_the_side_and_can_be_filtered(page: Any) -> None:
    page.goto("/admin/auth/group/")
    side = page.get_by_role("navigation", name="Sidebar")
    expect(side.locator("[aria-current=page]")).to_have_text("Groups")
    expect(side.locator("[aria-current=page]")).to_be_in_viewport()
    parts = side.get_by_role("heading").filter(visible=True)
    assert len(parts.all()) > 5
    side.get_by_placeholder("Start typing to filter").fill("budg")
    expect(side.get_by_role("link").filter(visible=True)).to_have_text(["Budgets"])
    expect(parts).to_have_text(["Spending and limits"])


def test_a_filter_with_many_choices_is_closed_until_one_is_chosen(page: Any, sales: Group) -> None:
    for number in range(9):
        Group.objects.create(name=f"group {number}")
    page.goto("/admin/accounts/user/")
    many = page.locator("details[data-filter-title=groups]")
    expect(many.get_by_role("link", name="group 3")).to_be_hidden()
    many.locator("summary").click()
    many.get_by_role("link", name="group 3").click()
    expect(many.locator("[aria-current=true]")).to_have_text("group 3")
    expect(many.get_by_role("link", name="group 4")).to_be_visible()


def test_a_link_that_is_shown_once_can_be_copied(page: Any, sales: Group) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/admin/accounts/user/?q=grace")
    page.locator(".action-select").check()
    page.get_by_label("Action:").select_option("Make a link that signs in once")
    page.get_by_role("button", name="Go", exact=True).click()
    told = page.locator(".messagelist")
    told.get_by_role("button", name="Copy").click()
    expect(told.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/accounts/link/" in link and link == told.locator("code").text_content()
    check(page, "one-time-link", [(1280, "light"), (1280, "dark")], within=".messagelist")


def test_a_key_that_is_shown_once_can_be_copied(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/accounts/keys/")
    page.get_by_label("Name").fill("scripts")
    page.get_by_role("button", name="Make the key").click()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.get_by_label("Key", exact=True).input_value()
    check(page, "key-made", within="main")
