"""Chromium would install the pages as an app."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatapp.accounts.models import User
from tests.browser.conftest import CHROMIUM
from tests.conftest import signed_in_session


@pytest.fixture
def installing_page(chromium: Any, live_server: Any, person: User, tmp_path: Path) -> Iterator[Any]:
    """In a profile that is kept: nothing is installed from a private window."""
    context = chromium.browser_type.launch_persistent_context(tmp_path, executable_path=CHROMIUM)
    session = signed_in_session(person)
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url)
    yield page
    context.close()


@pytest.mark.browser
def test_chromium_finds_nothing_that_keeps_it_from_installing(installing_page: Any) -> None:
    tools = installing_page.context.new_cdp_session(installing_page)
    seen = tools.send("Page.getAppManifest")
    assert seen["errors"] == [] and json.loads(seen["data"])["short_name"] == "Footnote"
    assert tools.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    workers = "navigator.serviceWorker.getRegistrations().then((all) => all.length)"
    assert installing_page.evaluate(workers) == 0
