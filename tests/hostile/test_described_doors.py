"""Schemathesis against the running web process: the JSON doors beside /v1/, which has a test of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chatapp.accounts.keys import create_key
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.web import Web
from tests.described import hold_against
from tests.hostile.described_doors import BODIES, description

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "unsupported_method", "ignored_auth", "use_after_free",
)  # fmt: skip
SHORT, LONG = 4, 400
LONGEST_S = 1800  # for the long form, on a busy machine


def test_the_description_knows_every_door_whose_fields_are_told() -> None:
    paths = description()["paths"]
    for route, method in BODIES:
        path = route.replace("<uuid:pk>", "{pk}").replace("<int:pk>", "{pk}")
        assert method.lower() in paths[path], route
    assert len(paths) > 15 and all(paths.values())


def test_whatever_fits_the_description_or_does_not_is_answered_in_its_form(
    web: Web, cast: Cast, handbook: Document, tmp_path: Path
) -> None:
    _hold("administrator", SHORT, web, cast, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_S + 120)
@pytest.mark.parametrize("who", ["bob", "administrator"])
def test_it_is_so_in_a_long_run(who: str, web: Web, cast: Cast, handbook: Document, tmp_path: Path) -> None:
    _hold(who, LONG, web, cast, tmp_path)


def _hold(who: str, examples: int, web: Web, cast: Cast, folder: Path) -> None:
    path = folder / "doors.json"
    path.write_text(json.dumps(description()))
    key = create_key(user=getattr(cast, who), name="test")
    hold_against(
        str(path), "--url", web.url, key=key, folder=folder, examples=examples, checks=CHECKS, within_s=LONGEST_S
    )
