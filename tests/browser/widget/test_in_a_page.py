"""The widget in a page of another origin, in a real Chromium, before a real web process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation
from chatapp.widget import services
from chatapp.widget.models import Widget
from retrieval.models import Document
from tests.browser.test_accessibility import AXE, RUN, TAGS
from tests.browser.widget.pages import Intranet, served_intranet
from tests.conftest import Cast, signed_in_session
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web
from tests.waiting import wait_until
from tests.widget.conftest import make_widget

pytestmark = pytest.mark.browser
FOLDER = os.environ.get("FOOTNOTE_SCREENSHOTS", "")  # to look at
PICTURES = count()
STRICT = "default-src 'none'; script-src {url}; frame-src {url}; base-uri 'none'; form-action 'none'"
OpenPage = Callable[..., Any]


@pytest.fixture
def intranet() -> Iterator[Intranet]:
    with served_intranet() as pages:
        yield pages


@pytest.fixture
def open_page(chromium: Any, web: Web, intranet: Intranet) -> Iterator[OpenPage]:
    """Of the intranet, in a browser of its own. `page.problems`, `page.asked`: what the console says, who was asked."""
    with ExitStack() as opened:
        yield lambda **values: opened.enter_context(_page(chromium, web, intranet, **values))


@contextmanager
def _page(
    chromium: Any,
    web: Web,
    intranet: Intranet,
    *,
    person: User | None = None,
    site: str = "",
    **options: Any,
) -> Iterator[Any]:
    context = chromium.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
    if person is not None:
        session = signed_in_session(person)
        context.add_cookies([{"name": "sessionid", "value": session, "url": web.url, "sameSite": "Lax"}])
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.problems, page.asked = [], set()
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda asked: page.asked.add("/".join(asked.url.split("/")[:3])))
    page.goto(f"{site or intranet.origin}/")
    yield page
    context.close()


@pytest.fixture
def shown(cast: Cast, handbook: Document, intranet: Intranet, web: Web) -> Callable[..., Widget]:
    """Makes a widget for the intranet, and has its page show it."""

    def make(*, policy: str = "", language: str = "en", **values: Any) -> Widget:
        listed = f"{intranet.origin}\n{intranet.elsewhere}"
        widget = make_widget(cast.administrator, handbook, **{"origins": listed, "title": "Ask the handbook", **values})
        intranet.shows(web.url, widget.key, policy=policy.format(url=web.url), language=language)
        return widget

    return make


def frame_of(page: Any) -> Any:
    return page.frame_locator("[data-footnote-widget] iframe")


def opened(page: Any, name: str = "Open the chat") -> Any:
    """-> the frame, once the button of the page was pressed"""
    page.get_by_role("button", name=name).click()
    return frame_of(page)


def ask(frame: Any, text: str = "How many days of leave do I get?") -> Any:
    frame.get_by_label("Your question").fill(text)
    frame.get_by_label("Your question").press("Enter")
    answer = frame.locator(".message.assistant").last
    expect(answer.locator(".tools")).to_be_visible()
    return answer


def violations(page: Any, *looks: tuple[int, str]) -> list[str]:
    """Of the page and the frame, by axe, in each width and theme."""
    found = []
    inner = next(one for one in page.frames if "/widget/frame/" in one.url)
    for width, theme in looks:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for where in (page.main_frame, inner):
            if not where.evaluate("'axe' in window"):
                where.evaluate(AXE)
            found += [f"{width} {theme} {line}" for line in where.evaluate(RUN, TAGS)]
        if FOLDER:
            test = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0]
            page.screenshot(path=Path(FOLDER) / f"{test}-{next(PICTURES)}-{width}-{theme}.png")
    return found


EVERY_LOOK = [(1000, "light"), (1000, "dark"), (390, "light"), (390, "dark")]


def test_somebody_signed_in_asks_and_looks_at_a_source_on_a_strict_page(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble, web: Web, intranet: Intranet
) -> None:
    shown(policy=STRICT)
    model.words = ["You have ", "28 days ", "[1]."]
    page = open_page(person=cast.alice)
    frame = opened(page)
    expect(frame.get_by_label("Your question")).to_be_focused()
    assert violations(page, *EVERY_LOOK) == []
    page.set_viewport_size({"width": 1000, "height": 800})
    answer = ask(frame)
    expect(answer).to_contain_text("You have 28 days")
    answer.locator(".cite").first.click()
    panel = frame.locator("#source-panel")
    expect(panel.locator("mark")).to_have_text("Everybody has 28 days of leave a year.")
    expect(panel.get_by_role("link", name="Open the document")).to_have_attribute("target", "_blank")
    assert violations(page, *EVERY_LOOK) == []
    page.set_viewport_size({"width": 1000, "height": 800})
    page.keyboard.press("Escape")  # the source alone
    expect(panel).to_be_hidden()
    expect(answer.locator(".cite").first).to_be_focused()
    expect(frame.get_by_role("link", name="Go on in Footnote")).to_have_attribute(
        "href", f"/c/{Conversation.objects.get().pk}/"
    )
    assert Conversation.objects.get().owner == cast.alice
    assert page.asked == {web.url, intranet.origin} and page.problems == []


def test_the_keyboard_opens_closes_and_finds_its_way_back(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast
) -> None:
    shown()
    page = open_page(person=cast.alice)
    button = page.get_by_role("button", name="Open the chat: Ask the handbook")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.focus()
    page.keyboard.press("Enter")
    frame = frame_of(page)
    expect(frame.get_by_label("Your question")).to_be_focused()
    expect(page.get_by_role("button", name="Close the chat")).to_have_attribute("aria-expanded", "true")
    expect(page.locator("iframe")).to_have_attribute("title", "Ask the handbook")
    page.keyboard.press("Escape")
    expect(page.locator("iframe")).to_be_hidden()
    expect(button).to_be_focused()


def test_a_long_answer_is_stopped_and_a_new_conversation_begins(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble
) -> None:
    shown()
    model.words, model.pause_s = ["word "] * 400, 0.05
    page = open_page(person=cast.alice)
    frame = opened(page)
    frame.get_by_label("Your question").fill("Tell me everything")
    frame.get_by_role("button", name="Send").click()
    expect(frame.locator(".message.assistant .prose")).to_contain_text("word word")
    frame.get_by_role("button", name="Stop").click()
    expect(frame.get_by_text("You stopped this answer.")).to_be_visible()
    frame.get_by_role("button", name="New conversation").click()
    expect(frame.locator(".message")).to_have_count(0)
    expect(frame.get_by_label("Your question")).to_be_focused()


def test_the_conversation_goes_on_on_the_next_page_of_the_intranet(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble
) -> None:
    shown()
    model.words = ["28 days [1]."]
    page = open_page(person=cast.alice)
    ask(opened(page))
    page.get_by_role("link", name="Another page").click()
    expect(opened(page).locator(".message.assistant")).to_contain_text("28 days")


def test_who_is_not_signed_in_signs_in_in_a_window_and_the_frame_goes_on(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble
) -> None:
    shown()
    cast.alice.set_password("a long enough password")
    cast.alice.save()
    model.words = ["28 days [1]."]
    page = open_page()
    frame = opened(page)
    expect(frame.get_by_label("Your question")).to_be_hidden()
    assert violations(page, *EVERY_LOOK) == []
    page.set_viewport_size({"width": 1000, "height": 800})
    with page.context.expect_page() as window:
        frame.get_by_role("link", name="Sign in").click()
    sign_in(window.value)
    expect(ask(frame)).to_contain_text("28 days")


def test_a_visitor_may_sign_in_and_asks_as_themselves_from_then_on(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble
) -> None:
    shown(visitors=True)
    cast.alice.set_password("a long enough password")
    cast.alice.save()
    model.words = ["28 days [1]."]
    page = open_page()
    frame = opened(page)
    ask(frame)
    with page.context.expect_page() as window:
        frame.locator("#visitor-print").get_by_role("link", name="Sign in").click()
    sign_in(window.value)
    expect(frame.locator(".message")).to_have_count(0)
    expect(frame.locator("#visitor-print")).to_be_hidden()
    ask(frame)
    assert [one.owner for one in Conversation.objects.all()] == [cast.alice], "what the visitor asked is deleted"


def comes(page: Any, web: Web, person: User) -> None:
    """Signs in by the way that the frame offers: in another page of this browser, which ends there."""
    session = signed_in_session(person)
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": web.url, "sameSite": "Lax"}])
    window = page.context.new_page()
    window.goto(f"{web.url}/widget/done/")
    window.close()
    expect(frame_of(page).locator("#composer")).to_be_visible()


def leaves(page: Any) -> None:
    Session.objects.all().delete()
    page.context.clear_cookies()
    expect(frame_of(page).locator("#sign-in")).to_be_visible()


def test_the_next_person_finds_nothing_of_the_one_before_who_finds_theirs_again(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble, web: Web
) -> None:
    shown()
    model.words = ["Alice has 28 days [1]."]
    page = open_page(person=cast.alice)
    frame = opened(page)
    ask(frame, "How many days has Alice?").locator(".cite").first.click()
    expect(frame.locator("#source-panel mark")).to_be_visible()
    frame.locator("#question").fill("What Alice did not send")
    leaves(page)
    assert violations(page, *EVERY_LOOK) == []
    page.set_viewport_size({"width": 1000, "height": 800})
    for said in ("#messages", "#source-panel [data-body]"):
        expect(frame.locator(said)).to_have_text("")
    expect(frame.locator("#source-panel")).to_be_hidden()
    expect(frame.locator("#whole")).to_be_hidden()
    expect(frame.locator("#announcer")).not_to_contain_text("28 days")
    comes(page, web, cast.bob)
    expect(frame.locator(".message")).to_have_count(0)
    expect(frame.get_by_label("Your question")).to_have_value("")
    expect(frame.locator("#whole")).to_have_attribute("href", "/")
    model.words = ["Bob has 30 days [1]."]
    expect(ask(frame, "How many days has Bob?")).to_contain_text("Bob has 30 days")
    expect(frame.locator("#notice")).to_be_hidden()
    leaves(page)
    comes(page, web, cast.alice)
    expect(frame.locator(".message.assistant")).to_have_text(re.compile("Alice has 28 days"))
    hers, his = (Conversation.objects.get(owner=one) for one in (cast.alice, cast.bob))
    expect(frame.locator("#whole")).to_have_attribute("href", f"/c/{hers.pk}/")
    page.get_by_role("link", name="Another page").click()
    frame = opened(page)
    expect(frame.locator(".message.assistant")).to_have_text(re.compile("Alice has 28 days"))
    assert {hers.owner, his.owner} == {cast.alice, cast.bob}


def test_who_comes_while_the_line_is_down_finds_nothing_of_the_one_before(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble, web: Web
) -> None:
    """Nobody was told that the session had ended; what was on its way comes back to nobody else."""
    shown()
    model.words = ["Alice has 28 days [1]."]
    page = open_page(person=cast.alice)
    lines: list[Any] = []
    page.context.route_web_socket(re.compile("/ws/widget/"), lambda line: (lines.append(line), held(line)))
    page.reload()
    frame = opened(page)
    ask(frame, "How many days has Alice?")
    frame.get_by_label("Your question").fill("HELD What Alice sent last")
    frame.get_by_label("Your question").press("Enter")
    expect(frame.locator("#pending")).to_be_visible()
    frame.get_by_label("Your question").fill("What Alice did not send")
    session = signed_in_session(cast.bob)
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": web.url, "sameSite": "Lax"}])
    lines[-1].close(code=1011)
    expect(frame.locator(".message")).to_have_count(0)
    page.wait_for_timeout(1000)  # for what would come back
    expect(frame.get_by_label("Your question")).to_have_value("")
    expect(frame.locator("#pending")).to_be_hidden()
    assert len(lines) == 2
    expect(ask(frame, "How many days has Bob?")).to_be_visible()
    assert {one.owner for one in Conversation.objects.all()} == {cast.alice, cast.bob}


def held(line: Any) -> None:
    """A line on which some questions do not arrive."""
    server = line.connect_to_server()
    line.on_message(lambda text: None if "HELD" in text else server.send(text))


def sign_in(window: Any) -> None:
    window.get_by_label("User name or e-mail").fill("alice")
    window.get_by_label("Password").fill("a long enough password")
    window.get_by_role("button", name="Sign in", exact=True).click()
    expect(window.get_by_role("heading", name="You are signed in")).to_be_visible()


def test_on_another_site_no_sign_in_is_carried_and_that_is_said(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, intranet: Intranet
) -> None:
    shown()
    page = open_page(person=cast.alice, site=intranet.elsewhere)
    frame = opened(page)
    expect(frame.locator("#sign-in p")).to_contain_text("another site")
    expect(frame.locator("#sign-in")).to_be_visible()
    expect(frame.get_by_role("link", name="Open Footnote")).to_have_attribute("target", "_blank")


def test_a_visitor_is_answered_on_another_site_too_and_leaves_nothing(
    open_page: OpenPage, shown: Callable[..., Widget], model: ModelDouble, intranet: Intranet
) -> None:
    shown(visitors=True, policy=STRICT)
    model.words = ["You have 28 days [1]."]
    page = open_page(site=intranet.elsewhere)
    frame = opened(page)
    answer = ask(frame)
    answer.locator(".cite").first.click()
    expect(frame.locator("#source-panel mark")).to_be_visible()
    expect(frame.get_by_role("link", name="Open the document")).to_have_count(0)
    expect(frame.get_by_text("You are not signed in: this chat is deleted")).to_be_visible()
    page.keyboard.press("Escape")
    assert Conversation.objects.count() == 1
    frame.get_by_role("button", name="New conversation").click()
    expect(frame.locator(".message")).to_have_count(0)
    wait_until(lambda: not Conversation.objects.exists(), 5)
    assert page.problems == []


def test_no_other_origin_shows_it_and_no_other_page_is_shown(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, web: Web, intranet: Intranet
) -> None:
    widget = shown()
    page = open_page(person=cast.alice, site=intranet.elsewhere)
    Widget.objects.filter(pk=widget.pk).update(origins=intranet.origin)
    page.reload()
    page.wait_for_timeout(1500)
    expect(page.get_by_role("button")).to_have_count(0)
    # A page that says that it is another one is held back by the browser.
    framed = f'<iframe src="{web.url}/widget/frame/{widget.key}/?from={intranet.origin}"></iframe>'
    intranet.html = f"<!doctype html><html lang='en'><body>{framed}<iframe src='{web.url}/'></iframe></body></html>"
    page.problems.clear()
    page.goto(f"{intranet.elsewhere}/")
    page.wait_for_timeout(1500)
    refused = [one for one in page.problems if "frame-ancestors" in one]
    assert len(refused) == 2, page.problems


def test_a_key_that_is_unknown_or_switched_off_shows_nothing(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, web: Web, intranet: Intranet
) -> None:
    widget = shown()
    page = open_page(person=cast.alice)
    frame = opened(page)
    expect(frame.get_by_label("Your question")).to_be_focused()
    expect(frame.get_by_role("button", name="Send")).to_be_visible()
    services.switch_off(widget, by=cast.administrator)
    expect(frame.get_by_text("This chat is not available any more.")).to_be_visible()
    page.reload()
    page.wait_for_timeout(1500)
    expect(page.get_by_role("button")).to_have_count(0)


def test_the_page_around_gets_one_element_and_nothing_else(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, intranet: Intranet
) -> None:
    shown()
    page = open_page(person=cast.alice)
    expect(page.get_by_role("button", name="Open the chat")).to_be_visible()
    seen = """() => ({
      names: Object.getOwnPropertyNames(window).filter((one) => !/^\\d+$/.test(one)).sort(),
      body: [...document.body.children].map((one) => one.tagName), head: document.head.children.length,
      sheets: document.adoptedStyleSheets.length, kept: document.cookie + localStorage.length + sessionStorage.length,
    })"""
    with_it = page.evaluate(seen)
    intranet.html = intranet.html.replace("data-key=", "data-none=")
    page.reload()
    without = page.evaluate(seen)
    assert with_it == without | {"body": [*without["body"], "DIV"]}


def test_messages_of_others_move_neither_the_page_nor_the_frame(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast
) -> None:
    shown()
    page = open_page(person=cast.alice)
    opened(page)
    page.evaluate("postMessage({ footnote: 'close' }, '*')")
    page.evaluate("postMessage({ footnote: 'ready', title: 'Forged', accent: '#ff0000' }, '*')")
    page.wait_for_timeout(500)
    expect(page.locator("iframe")).to_be_visible()
    expect(page.locator("iframe")).to_have_attribute("title", "Ask the handbook")


@pytest.mark.parametrize(("language", "words"), [("ar", "سؤالك"), ("de", "Ihre Frage")])
def test_it_speaks_the_readers_language(
    open_page: OpenPage, shown: Callable[..., Widget], cast: Cast, model: ModelDouble, language: str, words: str
) -> None:
    shown(language=language, accent="#f2b84b", side="start" if language == "de" else "end")
    model.words = ["28 يوما [1]."] if language == "ar" else ["28 Tage [1]."]
    page = open_page(person=cast.alice, locale=language)
    page.locator("[data-footnote-widget] > button").click()
    frame = frame_of(page)
    expect(frame.get_by_label(words)).to_be_focused()
    frame.get_by_label(words).fill("كم يوما؟" if language == "ar" else "Wie viele Tage?")
    frame.get_by_label(words).press("Enter")
    expect(frame.locator(".message.assistant .tools")).to_be_visible()
    assert violations(page, *EVERY_LOOK) == []
