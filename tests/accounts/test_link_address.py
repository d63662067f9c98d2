"""Where the links of `signinlink` lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from chatapp.operations import address
from tests.conftest import Cast


@pytest.fixture
def serving(settings: Any, tmp_path: Path) -> Iterator[None]:
    """`up` serves on another port than this shell's settings name."""
    settings.VAR_DIR, settings.PORT = tmp_path, 8470
    address.remember_address()
    settings.PORT = 8000
    yield


def link(capsys: pytest.CaptureFixture[str]) -> str:
    call_command("signinlink", "alice")
    return capsys.readouterr().out


def test_a_link_leads_to_the_address_that_up_serves(
    cast: Cast, serving: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert link(capsys).startswith("http://localhost:8470/accounts/link/")


def test_the_public_address_counts_for_more(
    cast: Cast, serving: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = "https://footnote.example.com/"
    assert link(capsys).startswith("https://footnote.example.com/accounts/link/")


def test_without_a_running_footnote_the_settings_name_the_port(
    cast: Cast, serving: None, capsys: pytest.CaptureFixture[str]
) -> None:
    address.forget_address()
    assert link(capsys).startswith("http://localhost:8000/accounts/link/")
