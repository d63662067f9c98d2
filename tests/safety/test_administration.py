from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from chatapp.governance.models import AuditEntry
from chatapp.safety.models import FilterRule, WordList
from tests.conftest import Cast

RULES, LISTS = "/admin/safety/filterrule/", "/admin/safety/wordlist/"
MASK = {"what": "email", "where": "answer", "action": "mask", "words": "", "group": "", "collection": ""}
MASK |= {"when_away": "closed", "reply": ""}


@pytest.fixture
def admin(cast: Cast, client: Client) -> Client:
    client.force_login(cast.administrator)
    return client


def test_a_rule_is_added_and_removed_and_both_are_written_down(admin: Client, cast: Cast) -> None:
    assert admin.post(f"{RULES}add/", MASK).status_code == 302
    rule = FilterRule.objects.get()
    chosen = {"action": "delete_selected", "_selected_action": [rule.pk], "post": "yes"}
    assert admin.post(RULES, chosen).status_code == 302
    assert not FilterRule.objects.exists()
    written = [(entry.action, entry.actor_name) for entry in AuditEntry.objects.order_by("pk")]
    name = cast.administrator.get_username()
    assert written == [("filter_rule.added", name), ("filter_rule.removed", name)]


@pytest.mark.parametrize("wrong", [{"what": "words"}, {"what": "email", "words": "1"}, {"action": "shout"}])
def test_a_rule_that_says_nothing_sensible_is_refused(admin: Client, wrong: dict[str, str]) -> None:
    WordList.objects.create(pk=1, name="Projects", terms="Blue Falcon")
    assert admin.post(f"{RULES}add/", MASK | wrong).status_code == 200
    assert not FilterRule.objects.exists()


def test_an_empty_list_says_what_that_means(admin: Client) -> None:
    told = "neither masked nor blocked"
    assert told in admin.get(RULES).content.decode()
    admin.post(f"{RULES}add/", MASK)
    assert told not in admin.get(RULES).content.decode()


def test_the_same_rule_is_not_added_twice(admin: Client) -> None:
    for _ in range(2):
        admin.post(f"{RULES}add/", MASK)
    assert FilterRule.objects.count() == 1


def test_a_pattern_that_is_none_is_refused_with_its_reason(admin: Client) -> None:
    page = admin.post(f"{LISTS}add/", {"name": "Projects", "terms": "", "patterns": "(open"})
    assert "RE2 does not take this pattern" in page.content.decode()
    assert not WordList.objects.exists()


def test_rules_are_for_administrators(client: Client, cast: Cast) -> None:
    for person in (cast.alice, cast.charlie):
        client.force_login(person)
        for page in (RULES, LISTS, f"{RULES}add/"):
            assert client.get(page).status_code in (302, 403, 404)
    assert client.post(f"{RULES}add/", MASK).status_code in (302, 403, 404)
    assert not FilterRule.objects.exists() and Group.objects.exists()


@pytest.mark.parametrize(
    "wrong", [{"what": "toxicity", "action": "mask"}, {"what": "injection", "where": "question", "action": "block"}]
)
def test_what_is_found_in_a_whole_text_has_no_piece_to_mask(admin: Client, wrong: dict[str, str]) -> None:
    assert admin.post(f"{RULES}add/", MASK | wrong).status_code == 200
    assert not FilterRule.objects.exists()
    assert admin.post(f"{RULES}add/", MASK | {"what": "toxicity", "action": "warn"}).status_code == 302
