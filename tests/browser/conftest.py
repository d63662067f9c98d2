"""A real Chromium on pages that Django serves. Where there is no Chromium, these tests are skipped, and named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.double import Double

CHROMIUM = os.environ.get("FOOTNOTE_CHROMIUM", "/usr/bin/chromium")
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop runs in the thread of the tests


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/browser/" in str(item.path) and "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"BROWSER TESTS SKIPPED: no Chromium at {CHROMIUM}; set FOOTNOTE_CHROMIUM")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=15_000)  # a busy machine is slow, not wrong
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def person(transactional_db: None) -> Any:
    from chatapp.accounts.models import User

    return User.objects.create_superuser("ada", "ada@example.com")


@pytest.fixture
def page(chromium: Any, live_server: Any, person: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Signed in as an administrator. `page.problems` collects what the console complains about."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(person)
    options = getattr(request, "param", {})
    context = chromium.new_context(
        **{"base_url": live_server.url, "viewport": {"width": 1280, "height": 800}, **options}
    )
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.problems = []
    opened.on("pageerror", lambda error: opened.problems.append(str(error)))
    opened.on("console", lambda message: message.type == "error" and opened.problems.append(message.text))
    yield opened
    context.close()


@pytest.fixture
def double(page: Any) -> Double:
    return Double(page)
