"""What an asker narrows a search to: on the command line and in a frame."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from chatapp.accounts.models import User
from chatapp.commands import Error
from chatapp.conversations import frames
from chatapp.documents.filters import filters_json, filters_of
from chatapp.errors import Invalid
from retrieval.contracts import SearchFilters
from tests.documents.conftest import MakeDocument
from tests.ingestion.fake_index import FakeIndex

DAY = datetime(2025, 1, 31, tzinfo=UTC)


def test_a_command_names_kinds_days_and_a_path(
    people: dict[str, User | None], configured: Any, make_document: MakeDocument, index: FakeIndex
) -> None:
    make_document("leave.md", "text")
    options = ["--type", "pdf", "--type", "text/x-own", "--since", "2025-01-31", "--until", "2025-01-31"]
    call_command("search", "How?", *options, "--path", "reports/", "--json", stdout=StringIO())
    (asked,) = index.searches
    assert asked["media_types"] == ["application/pdf", "text/x-own"]
    assert asked["since"] == DAY.isoformat()
    assert asked["until"] == (DAY + timedelta(days=1)).isoformat(), "the last day counts whole"
    assert asked["path_prefix"] == "reports/"


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--type", "papyrus", "no kind of document named 'papyrus'. Known are .*pdf"),
        ("--since", "yesterday", "`since` must be a day"),
        ("--since", "0001-01-01T00:00:00+14:00", "`since` must be a day"),
        ("--until", "9999-12-31", "`until` must be a day"),
        ("--until", "2025-01-31T12:00:00", "`until` must be a day"),
        ("--path", "x" * 1001, "1000 characters"),
    ],
)
def test_a_filter_that_cannot_be_is_a_sentence(
    option: str, value: str, sentence: str, people: dict[str, User | None], configured: Any
) -> None:
    with pytest.raises(Error, match=sentence):
        call_command("search", "How?", option, value)


def test_a_frame_carries_filters_which_are_kept_as_they_came() -> None:
    given = {"types": ["pdf"], "since": "2025-01-31", "until": "2025-02-01T00:00:00+01:00", "path": "a/"}
    asked = frames.parse(json.dumps({"type": "ask", "id": "1", "text": "How?", "filters": given}))
    assert isinstance(asked, frames.Ask)
    until = datetime(2025, 1, 31, 23, tzinfo=UTC)
    assert asked.filters == SearchFilters(frozenset(["application/pdf"]), DAY, until, "a/")
    assert filters_of(json.loads(json.dumps(filters_json(asked.filters)))) == asked.filters
    without = frames.parse('{"type": "ask", "id": "1", "text": "How?", "filters": null}')
    assert isinstance(without, frames.Ask) and filters_json(without.filters) is None


@pytest.mark.parametrize(
    "given", [[1], "pdf", {"colour": "red"}, {"types": "pdf"}, {"types": [1]}, {"types": ["pdf"] * 51}, {"since": 5},
              {"until": ["2025-01-31"]}, {"path": 7}],
)  # fmt: skip
def test_a_frame_with_filters_that_are_not_understood_is_refused(given: Any) -> None:
    with pytest.raises(Invalid):
        frames.parse(json.dumps({"type": "ask", "id": "1", "text": "How?", "filters": given}))
