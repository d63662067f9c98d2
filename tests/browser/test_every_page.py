"""Each page that a browser can open, of a house with one of each thing: axe-core, its width, and its console.

The doors are those that the URL resolver knows, so that a page that is added is looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.urls import get_resolver

from tests.access.doors import Door, every_door, routes
from tests.access.house import House, build
from tests.browser.test_accessibility import AXE, RUN, TAGS
from tests.browser.test_screenshots import FOLDER

LOOKS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
FADED_MS = 300  # Django's links change their colours slowly
PARTS = 4  # of all pages, so that workers share them
LEAST_PAGES = 150
NO_SOCKET = "WebSocket connection"  # the test's server speaks HTTP alone
WIDER = """() => document.documentElement.scrollWidth > innerWidth + 1 ?
  [`the page is ${document.documentElement.scrollWidth} px wide`] : []"""


@pytest.fixture
def house(transactional_db: None) -> House:
    return build()


def pages_of(page: Any, house: House) -> list[Door]:
    """The doors that answer an administrator with a page."""
    found = [door for door in every_door(house) if is_page(page, door.path)]
    assert len(found) > LEAST_PAGES, "the session is lost, or the doors are"
    return found


def is_page(page: Any, path: str) -> bool:
    """Asked of the server: in the thread of a browser's loop some pages cannot be made. Others are parts of a page."""
    answer = page.request.get(path, headers={"Accept": "text/html"}, max_redirects=0)
    assert answer.status != 500, path
    return bool(answer.status == 200 and b"<html" in answer.body())


def problems_of(page: Any, door: Door) -> list[str]:
    page.problems.clear()
    page.goto(door.path, wait_until="load")
    found = [f"{door.route}: {line}" for line in page.problems if NO_SOCKET not in line]
    page.evaluate(AXE)
    for width, theme in LOOKS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.wait_for_timeout(FADED_MS)
        lines = page.evaluate(WIDER)
        lines += page.evaluate(RUN, TAGS)
        found += [f"{door.route} {width} {theme}: {line}" for line in lines]
    return found


@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(PARTS))
def test_each_page_is_accessible_in_both_themes(page: Any, house: House, part: int) -> None:
    found = [line for door in pages_of(page, house)[part::PARTS] for line in problems_of(page, door)]
    assert not found, "\n".join(found)


# -- pictures, on demand -----------------------------------------------------------------------------------------------
def name_of(route: str) -> str:
    """/admin/limits/budget/<path:object_id>/change/ -> admin-limits-budget-change"""
    named = re.sub(r"<[^>]*>", "", re.sub(r"\(.*\)|<[^>]*>/$", "one", route))
    return re.sub(r"\W+", "-", named).strip("-") or "chat"


ALIKE = ("/history/", "/delete/")  # pages that one template makes of everything


def worth_a_picture(doors: Iterable[Door]) -> Iterator[Door]:
    """Of pages that are alike, the first."""
    seen: set[str] = set()
    for door in doors:
        kind = next((one for one in ALIKE if door.route.endswith(one)), door.route)
        if kind not in seen:
            seen.add(kind)
            yield door


def take(page: Any, home: str, path: str, name: str) -> None:
    for language in ("en", "ar"):
        page.context.add_cookies([{"name": settings.LANGUAGE_COOKIE_NAME, "value": language, "url": home}])
        page.goto(path)
        for width, theme in LOOKS if language == "en" else LOOKS[::2]:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.wait_for_timeout(FADED_MS)
            ending = "" if language == "en" else f"-{language}"
            page.screenshot(path=Path(FOLDER) / f"{name}{ending}-{width}-{theme}.png", full_page=True)


@pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: FOOTNOTE_SCREENSHOTS=folder")
@pytest.mark.timeout(1800)
def test_pictures_of_each_page(page: Any, house: House, live_server: Any) -> None:
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)  # open, and silent
    page.goto("/")
    for door in worth_a_picture(pages_of(page, house)):
        take(page, live_server.url, door.path, f"page-{name_of(door.route)}")


@pytest.mark.skipif(not FOLDER, reason="pictures are taken on demand: FOOTNOTE_SCREENSHOTS=folder")
@pytest.mark.timeout(1800)
def test_pictures_of_each_page_that_is_empty(page: Any, live_server: Any) -> None:
    """Lists and forms of a house in which there is nobody but one administrator."""
    page.context.route_web_socket("**/ws/chat/", lambda socket: None)
    page.goto("/")
    for door in [Door(f"/{route}", f"/{route}") for route, names in routes(get_resolver()) if not names]:
        if not door.path.endswith("/add/") and is_page(page, door.path):
            take(page, live_server.url, door.path, f"empty-{name_of(door.route)}")
